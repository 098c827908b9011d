"""What the tests of counters share: limits, and every store behind one verb."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from sluice.config.store_url import RedisUrl
from sluice.gateway.limits_ports import Counters, Draw, Place, Verdict
from sluice.policies.limiting import AtOnce, Rate
from sluice.policies.rate_limit import Cost
from sluice.stores.limits_memory import MemoryCounters
from sluice.stores.limits_redis import RedisCounters
from sluice.stores.limits_shared import MachineCounters, create
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S

HOUR_US = 3_600_000_000


def rate(capacity: int = 10, *, fill: int = 0, interval_us: int = HOUR_US) -> Rate:
    return Rate(id="r", name="r", capacity=capacity, fill=fill or capacity, interval_us=interval_us)


def draw(amount: int = 1, *, of: Rate | None = None, key: str = "k", needs: int = 0, partial: bool = False) -> Draw:
    return Draw(of or rate(), key.encode().ljust(16, b"."), Cost(amount, needs or max(1, amount), partial))


def place(most: int = 2, *, key: str = "p") -> Place:
    return Place(AtOnce(id="a", name="a", most=most), key.encode().ljust(16, b"."))


class Store(Protocol):
    """Any store, as `gateway.limits` sees one of them."""

    async def take(self, draws: Sequence[Draw], places: Sequence[Place] = ()) -> Verdict: ...

    def give(self, draw: Draw, tokens: int) -> None: ...

    def leave(self, place: Place) -> None: ...


class Here:
    """Counters of this machine, at the time that it is."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters

    async def take(self, draws: Sequence[Draw], places: Sequence[Place] = ()) -> Verdict:
        return self.counters.take(draws, places, time.monotonic())

    def give(self, draw: Draw, tokens: int) -> None:
        self.counters.put_back([(draw, tokens)], [], time.monotonic())

    def leave(self, place: Place) -> None:
        self.counters.put_back([], [place], time.monotonic())


class There:
    """Counters of all replicas."""

    def __init__(self, counters: RedisCounters) -> None:
        self.counters = counters

    async def take(self, draws: Sequence[Draw], places: Sequence[Place] = ()) -> Verdict:
        return await self.counters.take(draws, places)

    def give(self, draw: Draw, tokens: int) -> None:
        self.counters.put_back([(draw, tokens)], [])

    def leave(self, place: Place) -> None:
        self.counters.put_back([], [place])


@contextlib.asynccontextmanager
async def redis_counters(
    url: RedisUrl, said: list[str] | None = None, *, deadline_s: float = PATIENCE_S
) -> AsyncIterator[RedisCounters]:
    """One process's counters in a Redis, connected. They wait longer than in service, unless that is what is judged."""
    heard = said if said is not None else []
    counters = RedisCounters(url, lambda what, _: heard.append(what), deadline_s=deadline_s)
    keeper = asyncio.create_task(counters.keep())
    try:
        assert await counters.ready(5.0)
        yield counters
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper


@contextlib.asynccontextmanager
async def store(kind: str, folder: Path) -> AsyncIterator[Store]:
    """`memory`, `shared` or `redis`."""
    match kind:
        case "memory":
            yield Here(MemoryCounters())
        case "shared":
            counters = MachineCounters(create(2), worker=1, workers=2, now=time.monotonic())
            yield Here(counters)
            counters.close()
        case _:
            with RedisServer(folder) as server:
                async with redis_counters(server.url) as shared:
                    yield There(shared)
