"""What the tests of limits share: a limiter with a clock of its own, services that answer as told, and records."""

from collections.abc import Callable, Sequence

from sluice.chat.request import ChatRequest
from sluice.chat.usage import Usage
from sluice.gateway.limits import Limiter
from sluice.gateway.limits_hold import Hold
from sluice.gateway.limits_ports import (
    Counters,
    Draw,
    Give,
    Hits,
    Place,
    RemoteVerdict,
    ServiceGone,
    StoreGone,
    Verdict,
)
from sluice.policies.charge import Answered
from sluice.policies.limiting import AtOnce, Bounds, Choice, Limiting, LimitSet, Measure, Rate, Remote
from sluice.policies.scene import Scene
from sluice.stores.limits_memory import MemoryCounters

MINUTE_US = 60_000_000


def rate(capacity: int, measure: Measure = "requests", *, key: str = "", name: str = "r", cut: bool = False) -> Rate:
    return Rate(
        id=name,
        name=name,
        measure=measure,
        capacity=capacity,
        fill=capacity,
        interval_us=MINUTE_US,
        key=key,
        cut_stream=cut,
    )


def at_once(most: int, *, key: str = "", name: str = "c") -> AtOnce:
    return AtOnce(id=name, name=name, most=most, key=key)


def limiting(*limits: Rate | AtOnce | LimitSet) -> Limiting:
    """Each of them in a layer of its own, the weakest first."""
    return Limiting(groups=tuple((Choice(limits=limit_set(each)),) for each in limits))


def limit_set(limit: Rate | AtOnce | LimitSet) -> LimitSet:
    return limit if isinstance(limit, LimitSet) else LimitSet(machine=bounds(limit))


def bounds(*limits: Rate | AtOnce) -> Bounds:
    return Bounds(
        rates=tuple(each for each in limits if isinstance(each, Rate)),
        at_once=tuple(each for each in limits if isinstance(each, AtOnce)),
    )


def scene(**headers: str) -> Scene:
    return Scene({"request": {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}})


def ended(outcome: str = "completed", usage: int | None = None, *, streamed: int = 0, asked: bool = True) -> Answered:
    said = None if usage is None else Usage(input_tokens=usage)
    return Answered(outcome=outcome, asked=asked, usage=said, streamed=streamed, streaming=True)


class Shared:
    """Counters of all replicas, in memory; `gone`: they do not answer. What is asked for later is answered later."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.counters: Counters = MemoryCounters()
        self.gone = False
        self.later: list[Callable[[], None]] = []
        self._clock = clock

    async def take(self, draws: Sequence[Draw], places: Sequence[Place]) -> Verdict:
        if self.gone:
            raise StoreGone("nobody there")
        return self.counters.take(draws, places, self._clock())

    def more(self, draw: Draw, then: Callable[[int], None]) -> None:
        def answer() -> None:
            verdict = self.counters.take([draw], [], self._clock())
            then(verdict.drawn[0].taken if verdict.admitted else 0)

        self.later.append(answer)

    def put_back(self, gives: Sequence[Give], places: Sequence[Place]) -> None:
        self.counters.put_back(gives, places, self._clock())


class Services:
    """Rate-limit services: `verdict` is what they answer, None = they are gone."""

    def __init__(self) -> None:
        self.verdict: RemoteVerdict | None = RemoteVerdict(True)
        self.asked: list[list[Hits]] = []
        self.reported: list[list[Hits]] = []

    async def ask(self, remote: Remote, hits: Sequence[Hits]) -> RemoteVerdict:
        self.asked.append(list(hits))
        if self.verdict is None:
            raise ServiceGone("nobody there")
        return self.verdict

    def report(self, remote: Remote, hits: Sequence[Hits]) -> None:
        self.reported.append(list(hits))


class World:
    """One process's limiter."""

    def __init__(self, *, shared: bool = False) -> None:
        self.now = 1000.0
        self.refused: list[str] = []
        self.opened: list[str] = []
        self.services = Services()
        self.shared = Shared(self.clock)
        self.limiter = Limiter(
            here=MemoryCounters(),
            shared=self.shared if shared else None,
            services=self.services,
            clock=self.clock,
            watch=self,
        )

    def clock(self) -> float:
        return self.now

    def limited(self, limit: str) -> None:
        self.refused.append(limit)

    def failed_open(self, limit: str) -> None:
        self.opened.append(limit)

    async def reserve(
        self,
        limits: Limiting,
        seen: Scene | None = None,
        *,
        prompt: int | None = 10,
        bound: int | None = None,
        n: int = 1,
    ) -> Hold:
        """`prompt` None = no request to a model."""
        chat = None if prompt is None else ChatRequest(model="m", max_tokens=bound, choices=n)
        return await self.limiter.reserve(limits, seen or scene(), chat, None if prompt is None else lambda: prompt)


def shown(hold: Hold) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in hold.headers}
