"""What is promised, and whether one run of `bench.run` kept it. Reads figures, measures nothing.

The promises are issue 1's; a promise that is missed says so in the README, it is not taken out of this table.
"""

from collections.abc import Callable

import msgspec

from bench.compare import Figures
from bench.memory import Memory


class Machine(msgspec.Struct, frozen=True):
    """Where and when it was measured."""

    date: str
    cpu: str
    cores: int
    kernel: str
    python: str


class Result(msgspec.Struct, frozen=True):
    """Everything one run measured: bench/results/latest.json."""

    machine: Machine
    target: str
    rounds: int
    streams: tuple[Figures, ...]
    plain: tuple[Figures, ...]
    memory: tuple[Memory, ...]
    ready_s: float

    def figures(self, name: str, plain: bool = False) -> Figures:
        """Return the row of `name`."""
        return next(row for row in (self.plain if plain else self.streams) if row.name == name)

    def held(self, name: str) -> Memory:
        """Return the memory row of `name`."""
        return next(row for row in self.memory if row.name == name)

    @property
    def added_p50_ms(self) -> float:
        """Median latency of a chunk beyond the better of no gateway and nginx, in milliseconds.

        Without a gateway the load client shares its core with the upstream's bursts, so nginx can come out ahead of it.
        """
        least = min(self.figures("direct").chunk_p50_us, self.figures("nginx").chunk_p50_us)
        return round((self.figures(self.target).chunk_p50_us - least) / 1000, 3)

    @property
    def faults(self) -> int:
        """Broken answers and lost or disordered deltas of the target."""
        rows = (self.figures(self.target), self.figures(self.target, plain=True))
        return sum(row.bad + row.lost for row in rows)


class Promise(msgspec.Struct, frozen=True):
    """A figure and the most it may be."""

    label: str
    most: float
    unit: str
    read: Callable[[Result], float]


PROMISES = (
    Promise("CPU per streamed chunk", 2.0, "x nginx", lambda result: result.figures(result.target).x_nginx),
    Promise("CPU per plain request", 6.0, "x nginx", lambda result: result.figures(result.target, plain=True).x_nginx),
    Promise("added latency of a chunk, p50", 0.3, "ms", lambda result: result.added_p50_ms),
    Promise("memory, idle", 60.0, "MiB", lambda result: result.held(result.target).idle_mib),
    Promise("memory per open stream", 32.0, "KiB", lambda result: result.held(result.target).kib_per_stream),
    Promise("start to ready", 0.5, "s", lambda result: result.ready_s),
    Promise("answers broken, deltas lost or out of order", 0.0, "", lambda result: result.faults),
)


class Verdict(msgspec.Struct, frozen=True):
    """A promise, what was measured, and whether it was kept."""

    label: str
    measured: float
    most: float
    unit: str

    @property
    def kept(self) -> bool:
        """True at the promised figure or below."""
        return self.measured <= self.most


def judge(result: Result) -> list[Verdict]:
    """Return the verdict on every promise, in the order of PROMISES."""
    return [Verdict(each.label, round(each.read(result), 3), each.most, each.unit) for each in PROMISES]
