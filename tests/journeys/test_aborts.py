"""Ten thousand clients leave at random moments, and nothing of them stays: no socket, task, object or number."""

import asyncio
import gc
import itertools
import os
import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import msgspec
import pytest

from sluice.config.plan import Plan
from sluice.errors import SluiceError
from sluice.gateway.ports import ClientStream, Request
from sluice.net.memory import give_back
from sluice.policies.limiting import AtOnce, Bounds, Choice, Limiting, LimitSet
from sluice.testing.fake_provider import FakeProvider, Pause, Script
from tests.support.events import HELLO, ROLE
from tests.support.measuring import undisturbed
from tests.support.plans import ai, plan, route
from tests.support.raw_client import CHAT, RESET, STREAM, request
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

STREAMS = 10_000
WARM_UP = 2_000
"""After so many every cache and every pool of the allocator is as large as it gets."""
AT_ONCE = 100
"""More of them keep a slow machine so busy that hardly anybody hears anything before it leaves."""
FEW = 50
"""Of each phase at least so many: how they are shared out depends on how fast the machine is."""
PLACES = 5 * AT_ONCE
"""Of the rule's limit: more than ever are taken at once, and the sooner gone the more of them were kept."""
MAX_RSS_GROWTH = 8 << 20
MAX_NEW_OBJECTS = 2_000
"""A leak of one object per stream would be 8,000."""


def slow_stream(dice: random.Random) -> Script:
    """An answer without an end; its head, its first token and the next ones take their time."""

    def chunks() -> Iterator[bytes | Pause]:
        yield Pause(dice.choice((0.0, 0.0, 0.1)))
        yield b""  # the head alone
        yield Pause(dice.choice((0.0, 0.0, 0.1)))
        yield ROLE
        while True:
            yield HELLO
            yield Pause(0.02)

    return Script(chunks=chunks())


class SlowProvider(FakeProvider):
    """Answers each request that reaches it with a slow stream."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice
        self.stalls = False
        """From now on, after the first token."""

    def serve(
        self, request: Request, client: ClientStream, transport: asyncio.Transport, error: SluiceError | None
    ) -> None:
        self.script(Script(chunks=[ROLE, HELLO], end="stall") if self.stalls else slow_stream(self._dice))
        super().serve(request, client, transport, error)


class Leaver(asyncio.Protocol):
    """A client that asks, and leaves after some seconds: politely, or with a reset if it has heard anything."""

    def __init__(self, asks: bytes, stays_s: float, *, rude: bool) -> None:
        self._asks, self._stays_s, self._rude = asks, stays_s, rude
        self._heard = False
        self.left = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.write(self._asks)
        asyncio.get_running_loop().call_later(self._stays_s, self._leave)

    def data_received(self, data: bytes) -> None:
        self._heard = True

    def _leave(self) -> None:
        if self._rude and self._heard:  # a reset destroys what the gateway has not read: that was no request then
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.left.set_result(None)


async def leave(serving: Serving, dice: random.Random) -> None:
    asks = request(STREAM if dice.random() < 0.8 else CHAT)
    stays_s = dice.choice((0.0, dice.uniform(0.0, 0.1), dice.uniform(0.0, 0.6)))
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Leaver(asks, stays_s, rude=dice.random() < 0.5), "127.0.0.1", serving.port
    )
    await client.left


async def leave_many(serving: Serving, dice: random.Random, number: int, seen: Counter[str]) -> None:
    async def keep_leaving(numbers: Iterator[int]) -> None:
        for _ in numbers:
            await leave(serving, dice)

    numbers = iter(range(number))
    await asyncio.gather(*(keep_leaving(numbers) for _ in range(AT_ONCE)))
    await until(lambda: not serving.gateway.exchanges)
    seen.update(record.outcome for record in serving.records)
    seen.update(f"phase:{phase_of(record.stream.first_token_s, record.connect_s)}" for record in serving.records)
    serving.records.clear()


def phase_of(first_token_s: float | None, connect_s: float | None) -> str:
    return "stream" if first_token_s is not None else "waiting" if connect_s is not None else "no head"


def rss_bytes() -> int:
    """What is in use; what others in this process have let go is given back first, as the real process does."""
    give_back()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def limited(port: int) -> Plan:
    """In front of the provider, with a bound of what is under way at once."""
    bound = AtOnce(id="places", name="places", most=PLACES)
    limits = Limiting(groups=((Choice(limits=LimitSet(machine=Bounds(at_once=(bound,)))),),))
    entry = route("/openai", ai(port))
    return plan(msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, limits=limits)))


async def places(serving: Serving) -> int:
    """How many there is room for."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(await serving.client()) for _ in range(PLACES + 1)]
        for client in clients:
            client.send(request(STREAM))
        answers = [await client.head() for client in clients]
        return sum(answer.status == 200 for answer in answers)


@pytest.mark.timeout(120)
async def test_ten_thousand_aborted_streams_leave_nothing(world: World) -> None:
    dice, seen = random.Random(20), Counter[str]()
    fake = await world.enter(SlowProvider(dice))
    serving = await world.gateway(limited(fake.port))
    fds_before, tasks_before = fds(), len(asyncio.all_tasks())

    # Beside the hundreds of megabytes that a test run holds the collector hardly ever looks; the real process freezes
    # what it began with.
    with undisturbed():
        await leave_many(serving, dice, WARM_UP, seen)
        fake.reset()  # what the fake remembers of its requests is none of the gateway's
        gc.collect()
        objects_before, rss_before = len(gc.get_objects()), rss_bytes()
        for _ in itertools.repeat(None, (STREAMS - WARM_UP) // 2000):
            await leave_many(serving, dice, 2000, seen)
        fake.reset()
        await until(lambda: serving.pool.open_connections == 0 and not serving.open_clients)
        await until(lambda: fake.open_connections == 0)
        gc.collect()
        objects, rss = len(gc.get_objects()), rss_bytes()

    assert seen["client_gone"] == STREAMS, seen
    assert min(seen[f"phase:{phase}"] for phase in ("stream", "waiting", "no head")) > FEW, seen
    assert len(asyncio.all_tasks()) == tasks_before
    assert fds() == fds_before
    assert serving.heard.metrics.streams_active == 0
    assert serving.metric("active_streams") == 0
    assert serving.metric("requests_total", 'status="499"') == STREAMS
    assert objects - objects_before < MAX_NEW_OBJECTS
    assert rss - rss_before < MAX_RSS_GROWTH
    fake.stalls = True
    assert await places(serving) == PLACES
