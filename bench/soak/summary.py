"""The samples and the ledger of a run, made one result. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import get_args

import msgspec

from bench.soak.deck import KINDS
from bench.soak.ledger import Ledger
from bench.soak.result import Calm, Left, Load, Memory, Reloads, Result
from bench.soak.samples import DROPPED, GAUGES, OUTCOMES, TASKS, Numbers, Sample
from bench.soak.trend import Trend, quantile, trend
from bench.verdict import Machine
from sluice.relay.outcome import OutcomeKind

WARM = 1 / 3
"""Share of the run that is left out of the slope."""
MEAN_S = 60.0
LEAST_REST_S = 10.0
LEAST_RESTS = 3
"""For a slope."""
NOT_HERE: frozenset[OutcomeKind] = frozenset(["blocked", "limited", "drained", "internal"])
"""Outcomes that this traffic must not have."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one run saw."""

    machine: Machine
    minutes: float
    rate: float
    seed: int
    burst: int
    burst_every_s: float
    before: Sample
    """At rest, before the first request."""
    samples: Sequence[Sample]
    """Under load."""
    awake: bool
    """The processors were kept from sleep."""
    held_s: float
    """In which nothing new was asked, because of the machine's host."""
    after: Sample
    """At rest again, or what was left when the wait was over."""
    heard: int
    """Connections that the provider still had open then."""
    reloads: Reloads
    faults: Sequence[str]


def summarise(run: Run, ledger: Ledger) -> Result:
    """Return the result.

    Raises:
        ValueError: there are not even three samples.
    """
    lag = _lag(run.before.numbers, run.after.numbers)
    before, after = run.before.numbers.values, run.after.numbers.values
    return Result(
        machine=run.machine,
        minutes=run.minutes,
        load=_load(run, ledger),
        requests=ledger.answered,
        records=ledger.recorded,
        unmatched=ledger.unmatched,
        wrong=ledger.wrong,
        otherwise=ledger.otherwise,
        lines_lost=round(after[DROPPED] - before[DROPPED]),
        counted=round(after[OUTCOMES] - before[OUTCOMES]),
        memory=_memory(run),
        left=_left(run),
        lag=quantile(lag, 0.999),
        lag_p99=quantile(lag, 0.99),
        lag_samples=lag[-1][1],
        calm=_calm(run.samples),
        reloads=run.reloads,
        faults=len(run.faults),
        absent=_absent(ledger),
        rows=tuple(ledger.rows),
        examples=(*run.faults[:5], *ledger.examples, *ledger.missing()),
    )


def _lag(before: Numbers, after: Numbers) -> list[tuple[float, int]]:
    """What was added to the histogram."""
    return [(bound, count - old) for (bound, count), (_, old) in zip(after.lag, before.lag, strict=True)]


def _calm(samples: Sequence[Sample]) -> Calm:
    """A timer that is late because of what was taken may be late into the next second."""
    seconds, robbed = 0.0, True
    lag: Counter[float] = Counter()
    for old, new in pairwise(samples):
        calm, robbed = not robbed, new.stolen_s > old.stolen_s
        if calm and not robbed:
            seconds += new.at_s - old.at_s
            lag.update(dict(_lag(old.numbers, new.numbers)))
    count = lag[math.inf]
    found = quantile([*lag.items()], 0.999) if count else None
    return Calm(seconds=round(seconds, 1), lag=found, lag_samples=count)


def _load(run: Run, ledger: Ledger) -> Load:
    first, last = run.samples[0], run.samples[-1]
    seconds = max(last.at_s - first.at_s, 1e-9)
    return Load(
        rate=run.rate,
        seconds=round(seconds, 1),
        burst=run.burst,
        burst_every_s=run.burst_every_s,
        seed=run.seed,
        busy=round((last.cpu_s - first.cpu_s) / seconds, 3),
        waited=round((last.waited_s - first.waited_s) / seconds, 4),
        stolen=round((last.stolen_s - first.stolen_s) / seconds, 4),
        awake=run.awake,
        held_s=round(run.held_s, 1),
        files_most=max(sample.files for sample in run.samples),
        streams_most=_most(run, "active_streams"),
        waiting_most=_most(run, "admission_waiting"),
        read_on_most=_most(run, "reading_on"),
        retried=ledger.retried,
    )


def _most(run: Run, name: str) -> int:
    return round(max(sample.numbers.values[name] for sample in run.samples))


def _memory(run: Run) -> Memory:
    first, last = run.samples[0].at_s, run.samples[-1].at_s
    seconds = last - first
    warm_s, mean_s = first + seconds * WARM, min(MEAN_S, seconds / 6)
    busy, rests = [sample for sample in run.samples if not _idle(sample)], _rests(run.samples)
    warm = [(sample.at_s, sample.rss_mib) for sample in rests if sample.at_s >= warm_s]
    return Memory(
        before=round(run.before.rss_mib, 2),
        warm=_mean(busy, lambda at_s: warm_s <= at_s <= warm_s + mean_s),
        last=_mean(busy, lambda at_s: at_s >= busy[-1].at_s - mean_s),
        highest=round(max(sample.rss_mib for sample in run.samples), 2),
        after=round(run.after.rss_mib, 2),
        minutes=_minutes(busy),
        trend=_rounded(trend(warm)) if len(warm) >= LEAST_RESTS else None,
        rests=tuple(round(sample.rss_mib, 2) for sample in rests),
    )


def _rounded(found: Trend) -> Trend:
    return Trend(per_hour=round(found.per_hour, 3), error=round(found.error, 3))


def _idle(sample: Sample) -> bool:
    return not any(sample.numbers.values[name] for name in GAUGES)


def _rests(samples: Sequence[Sample]) -> list[Sample]:
    """The last look at each time in which nothing was under way, so long that the gateway gave back what it held."""
    times = (list(looks) for idle, looks in groupby(samples, key=_idle) if idle)
    return [looks[-1] for looks in times if looks[-1].at_s - looks[0].at_s >= LEAST_REST_S]


def _minutes(samples: Sequence[Sample]) -> tuple[float, ...]:
    first = samples[0].at_s
    rows = [list(group) for _, group in groupby(samples, key=lambda sample: int((sample.at_s - first) // 60))]
    return tuple(_mean(row, lambda _: True) for row in rows)


def _mean(samples: Sequence[Sample], inside: Callable[[float], bool]) -> float:
    values = [sample.rss_mib for sample in samples if inside(sample.at_s)]
    return round(sum(values) / len(values), 2)


def _left(run: Run) -> Left:
    before, after = run.before.numbers.values, run.after.numbers.values
    return Left(
        files=max(0, run.after.files - run.before.files),
        tasks=max(0, round(after[TASKS] - before[TASKS])),
        exchanges=round(after["exchanges"] + after["admission_waiting"] + after["reading_on"]),
        streams=round(after["active_streams"]),
        connections=round(after["upstream_connections"]),
        heard=run.heard,
    )


def _absent(ledger: Ledger) -> tuple[str, ...]:
    """Kinds of requests, and outcomes, that no request had."""
    kinds = {row.kind for row in ledger.rows}
    outcomes = {row.outcome for row in ledger.rows}
    wanted = [each for each in get_args(OutcomeKind) if each not in NOT_HERE]
    return (*sorted(KINDS - kinds), *(each for each in wanted if each not in outcomes))
