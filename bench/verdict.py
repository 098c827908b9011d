"""What is promised, and whether one run of `bench.run` kept it. Reads figures, measures nothing.

The promises are those of issue 1 (streams, requests, memory), issue 2 (translation), issue 5 (guards) and issue 6
(agents), and one that is missed says so in the README: it is not taken out of this table.
"""

from collections.abc import Callable

import msgspec

from bench.agent_figures import AgentFigures
from bench.asked import EVERYTHING, GUARDED, MIRRORED, TRACED
from bench.compare import Figures
from bench.memory import Memory

AGENT_CPU_US, AGENT_ADDED_MS = 100.0, 1.0
"""Of one event of an agent with the SQLite log, at most: its CPU, and what it comes later than from an endpoint that
keeps nothing."""


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
    translated: tuple[Figures, ...] = ()
    """Beside an upstream that speaks Messages: the yardsticks and the target hand them on, and the target translates
    them to chat completions. Empty = it does not translate."""
    translated_memory: tuple[Memory, ...] = ()
    prose: tuple[Figures, ...] = ()
    """Streams of prose: nginx, the target without guards, with them, and with everything on. Empty = it was not
    measured so."""
    few: tuple[Figures, ...] = ()
    """The same rows, four streams at a time."""
    plain_prose: tuple[Figures, ...] = ()
    """Whole answers of prose: nginx, and the target with everything on."""
    agents: tuple[AgentFigures, ...] = ()
    """Agents' events: a plain endpoint, and the agent server on its stores. Empty = it was not measured."""

    def figures(self, name: str, plain: bool = False) -> Figures:
        """Return the row of `name`."""
        return next(row for row in (self.plain if plain else self.streams) if row.name == name)

    def translation(self) -> Figures:
        """Return the row of the target that translates."""
        return next(row for row in self.translated if row.name == self.target)

    def held(self, name: str, translated: bool = False) -> Memory:
        """Return the memory row of `name`."""
        return next(row for row in (self.translated_memory if translated else self.memory) if row.name == name)

    @property
    def translated_x_chat(self) -> float:
        """CPU of a translated chunk beside nginx, which hands on a chunk of chat completions."""
        return round(self.translation().cpu_us / max(0.01, self.figures("nginx").cpu_us), 2)

    @property
    def translated_x_nginx(self) -> float:
        """CPU of a translated chunk beside nginx: what it pays to hand on the provider's form of it or the client's,
        whichever is cheaper."""
        return max(self.translation().x_nginx, self.translated_x_chat)

    def of_prose(self, follows: str = "", *, few: bool = False) -> Figures:
        """Return the row of the target's streams of prose whose name ends so."""
        return next(row for row in (self.few if few else self.prose) if row.name == f"{self.target}{follows}")

    @property
    def guarded_ttft_ms(self) -> float:
        """Median time to the first token of a guarded stream beyond that of the same gateway's unguarded one, in
        milliseconds."""
        guarded, bare = self.of_prose(GUARDED, few=True), self.of_prose(few=True)
        return round((guarded.ttft_p50_us - bare.ttft_p50_us) / 1000, 3)

    def agent(self, target: str) -> AgentFigures:
        """Return the row of one server of agents' events."""
        return next(row for row in self.agents if row.target == target)

    @property
    def agent_added_ms(self) -> float:
        """Median delay of an agent's event with the SQLite log beyond that of a plain endpoint's, in milliseconds."""
        return round((self.agent("sqlite").p50_us - self.agent("plain").p50_us) / 1000, 3)

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
        mirrored = f"{self.target}{MIRRORED}"
        own = (self.target, f"{self.target}{TRACED}")
        rows = [row for row in (*self.streams, *self.plain) if row.name in own]
        rows += [row for row in self.translated if row.name in (self.target, mirrored)]
        theirs = (self.target, f"{self.target}{GUARDED}", f"{self.target}{EVERYTHING}")
        rows += [row for row in (*self.prose, *self.few, *self.plain_prose) if row.name in theirs]
        return sum(row.bad + row.lost for row in rows)


class Promise(msgspec.Struct, frozen=True):
    """A figure and the most it may be."""

    label: str
    most: float
    unit: str
    read: Callable[[Result], float]
    about: Callable[[Result], object] = lambda result: True
    """Whether it can be kept or broken: only who translates can translate slowly."""


def _translates(result: Result) -> object:
    return result.translated


def _traces(result: Result) -> object:
    return any(row.name == f"{result.target}{TRACED}" for row in result.streams)


def _guards(result: Result) -> object:
    return result.prose and result.few


def _agents(result: Result) -> object:
    return result.agents


PROMISES = (
    Promise("CPU per streamed chunk", 2.0, "x nginx", lambda result: result.figures(result.target).x_nginx),
    Promise(
        "CPU per streamed chunk, a tenth traced",
        2.0,
        "x nginx",
        lambda result: result.figures(f"{result.target}{TRACED}").x_nginx,
        _traces,
    ),
    Promise("CPU per translated chunk", 3.0, "x nginx", lambda result: result.translated_x_nginx, _translates),
    Promise("CPU per guarded chunk", 3.6, "x nginx", lambda result: result.of_prose(GUARDED).x_nginx, _guards),
    Promise("CPU per plain request", 6.0, "x nginx", lambda result: result.figures(result.target, plain=True).x_nginx),
    Promise("added latency of a chunk, p50", 0.3, "ms", lambda result: result.added_p50_ms),
    Promise("TTFT that guards add, p50", 1.0, "ms", lambda result: result.guarded_ttft_ms, _guards),
    Promise("memory, idle", 60.0, "MiB", lambda result: result.held(result.target).idle_mib),
    Promise("memory per open stream", 32.0, "KiB", lambda result: result.held(result.target).kib_per_stream),
    Promise(
        "memory per open stream, translated",
        32.0,
        "KiB",
        lambda result: result.held(result.target, translated=True).kib_per_stream,
        _translates,
    ),
    Promise("start to ready", 0.5, "s", lambda result: result.ready_s),
    Promise("CPU per event of an agent", AGENT_CPU_US, "us", lambda result: result.agent("sqlite").cpu_us, _agents),
    Promise(
        "added latency of an agent's event, p50", AGENT_ADDED_MS, "ms", lambda result: result.agent_added_ms, _agents
    ),
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
    """Return the verdict on every promise, in the order of PROMISES; those about what was not measured are left out."""
    due = [each for each in PROMISES if each.about(result)]
    return [Verdict(each.label, round(each.read(result), 3), each.most, each.unit) for each in due]
