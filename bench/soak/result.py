"""What a soak found, and whether the promises were kept. Values and rules; measures nothing.

The promises are those of issue 4. A run that is shorter than half an hour says nothing about slopes, and may be too
short for every kind of traffic to have come: then these are shown and not judged.
"""

import math
from collections.abc import Callable

import msgspec

from bench.soak.ledger import Row
from bench.soak.trend import Bounds, Trend
from bench.verdict import Machine, Verdict

FULL_MINUTES = 30.0
GROWTH_MIB = 1.0
"""An hour, of memory."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory of the gateway, in MiB."""

    before: float
    """Ready, before any request."""
    warm: float
    """The mean of the minute, or of the sixth of a shorter run, after the first third: the slope begins there."""
    last: float
    """The mean of the last minute, or sixth, under load."""
    highest: float
    after: float
    """With nothing under way, after all of it."""
    trend: Trend | None
    """Of the rests in the last two thirds; None = a run too short for three of them."""
    minutes: tuple[float, ...] = ()
    """The mean of each minute."""
    rests: tuple[float, ...] = ()
    """At the end of each rest, with nothing under way."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What is left when all clients are gone, beyond what there was before the first came."""

    files: int
    tasks: int
    exchanges: int
    """Also those that wait, and answers that are read on."""
    streams: int
    connections: int
    """To providers, as the gateway counts them."""
    heard: int
    """Connections that the provider still has open."""

    @property
    def total(self) -> int:
        """All but files."""
        return self.tasks + self.exchanges + self.streams + self.connections + self.heard


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much there was to do."""

    rate: float
    """Requests a second that were wanted, bursts not counted."""
    seconds: float
    """Until the last answer was over."""
    burst: int
    """Requests that come at once."""
    burst_every_s: float
    seed: int
    busy: float
    """Share of its processor that the gateway used, 0 to 1."""
    waited: float
    """Share of the time in which it could have run and another process had its processor."""
    stolen: float | None = None
    """Share of the time in which its processor was taken by the machine that this one is a guest of; None = unknown."""
    awake: bool = False
    """The processors were kept from sleep."""
    held_s: float = 0.0
    """Seconds in which nothing new was asked, because it took much of a processor; they are no part of the minutes."""
    files_most: int
    streams_most: int
    """Open at a sample."""
    waiting_most: int
    """In the queue of admission at a sample."""
    read_on_most: int
    """Answers whose client had left at a sample."""
    retried: int
    """Requests that took more than one attempt."""


class Calm(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured while the machine's host left the gateway its processor: in each second, and in that before,
    it took nothing."""

    seconds: float
    lag: Bounds | None
    """As `Result.lag`; None = there was no such second."""
    lag_samples: int


class Reloads(msgspec.Struct, frozen=True, kw_only=True):
    """Of the configuration."""

    good: int
    """That were asked for."""
    bad: int
    taken: int
    """That the gateway says."""
    refused: int

    @property
    def astray(self) -> int:
        return abs(self.good - self.taken) + abs(self.bad - self.refused)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one run found: bench/results/soak.json."""

    machine: Machine
    minutes: float
    """Asked for."""
    load: Load
    requests: int
    records: int
    unmatched: int
    wrong: int
    otherwise: int
    lines_lost: int
    counted: int
    """Exchanges by the metrics."""
    memory: Memory
    left: Left
    lag: Bounds
    """Of the event loop, in seconds: 99.9 % of the samples do not exceed it."""
    lag_p99: Bounds
    lag_samples: int
    calm: Calm | None = None
    """None = nobody looked."""
    reloads: Reloads
    faults: int
    """Errors of the gateway's own in its log, and an exit status that is not 0."""
    absent: tuple[str, ...]
    """Kinds of traffic, and outcomes, that did not come."""
    rows: tuple[Row, ...]
    examples: tuple[str, ...]
    """Of what was wrong, the first ones."""

    @property
    def full(self) -> bool:
        return self.minutes >= FULL_MINUTES


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and the most that it may be."""

    label: str
    most: float
    unit: str = ""
    read: Callable[[Result], float]
    full_only: bool = False
    """Judged after a full run alone."""


PROMISES = (
    Promise(label="growth of memory", most=GROWTH_MIB, unit="MiB/h", read=lambda r: _growth(r), full_only=True),
    Promise(label="open files more than before", most=0, read=lambda r: r.left.files),
    Promise(label="event loop lag, p99.9", most=20.0, unit="ms", read=lambda r: r.lag.at_most * 1000),
    Promise(label="answers that were not what they had to be", most=0, read=lambda r: r.wrong),
    Promise(label="requests without exactly one record", most=0, read=lambda r: r.unmatched + _uncounted(r)),
    Promise(label="records that say otherwise than their client", most=0, read=lambda r: r.otherwise),
    Promise(label="tasks, exchanges, streams, connections left", most=0, read=lambda r: r.left.total),
    Promise(label="reloads that went astray", most=0, read=lambda r: r.reloads.astray),
    Promise(label="log lines lost, errors of its own", most=0, read=lambda r: r.lines_lost + r.faults),
    Promise(label="kinds of traffic that did not come", most=0, read=lambda r: len(r.absent), full_only=True),
)


def _growth(result: Result) -> float:
    """What nobody has seen is not kept, nor is what a larger error than the promise itself would hide."""
    found = result.memory.trend
    return math.inf if found is None or found.error > GROWTH_MIB else found.per_hour


def _uncounted(result: Result) -> int:
    return abs(result.counted - result.records)


def judge(result: Result) -> list[Verdict]:
    """Return the verdict on every promise that a run of this length can speak of, in the order of PROMISES."""
    due = [each for each in PROMISES if result.full or not each.full_only]
    return [Verdict(each.label, round(each.read(result), 3), each.most, each.unit) for each in due]
