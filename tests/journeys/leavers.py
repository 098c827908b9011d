"""Five hundred clients who ask the same, are all brought to one phase of their request, and leave at random moments.

`Scene` starts gateway and provider, knows when each client left and when that was heard, and at the end looks for
whatever stayed behind.
"""

import asyncio
import json
import os
import random
import socket
import time
from typing import Unpack, cast

import msgspec

from sluice.config.plan import AiBackend, Endpoint, Limits, Plan
from sluice.net.side_doors import gateway_gauges
from sluice.policies.admission import Admission
from sluice.testing.fake_provider import FakeProvider
from tests.support.plans import RuleMembers, ai, here, to_provider
from tests.support.raw_client import RESET, get, request
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World

CLIENTS = 500
WINDOW_S = 0.8
"""In which they leave, at uniformly random moments."""
NOTHING_AFTER_S = 5.0
WORDS = " ".join(["word"] * 500)
Json = dict[str, object]


class Asker(asyncio.Protocol):
    """A client that asks one thing, and leaves when it is told to: politely, or with a reset."""

    def __init__(self, asks: bytes, *, rude: bool) -> None:
        self._asks, self._rude = asks, rude
        self.heard = b""
        """The last of it."""
        self.address = ""
        self.left_s = 0.0
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"
        transport.write(self._asks)

    def data_received(self, data: bytes) -> None:
        self.heard = (self.heard + data)[-1024:]

    def leave(self) -> None:
        self.left_s = time.monotonic()
        if self._rude:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set_result(self.left_s > 0)


def asks(number: int, fault: Json, *, stream: bool) -> bytes:
    """A request that the provider knows again."""
    wish = {"content": WORDS, "fault": fault | {"tag": f"client {number}"}}
    message = {"role": "user", "content": f"[[fake {json.dumps(wish)}]]"}
    return request(msgspec.json.encode({"model": "m", "messages": [message], "stream": stream}))


class Scene:
    """Begin with `open`; let them `ask`, wait until the phase is reached, let them `leave`, and `look_around`."""

    def __init__(self, world: World, fake: FakeProvider, serving: Serving, plan: Plan, backend: AiBackend) -> None:
        self.fake, self.serving = fake, serving
        self._world, self._plan, self._backend = world, plan, backend
        self._dice = random.Random(3)
        self._tasks, self._sockets = len(asyncio.all_tasks()), sockets()
        self.askers: list[Asker] = []

    @classmethod
    async def open(
        cls,
        world: World,
        *,
        admission: Admission = Admission(max_concurrent=CLIENTS, max_queue=0),  # noqa: B008 - frozen
        to: Endpoint | None = None,
        **members: Unpack[RuleMembers],
    ) -> "Scene":
        fake = await world.fake()
        backend = ai(to or here(fake.port), key=None)
        # Connections that rest are none that stayed: they are closed soon.
        limits = Limits(pool_idle_timeout_s=0.3)
        plan = to_provider(0, backend=backend, admission=admission, limits=limits, **members)
        return cls(world, fake, await world.gateway(plan), plan, backend)

    async def ask(self, fault: Json, *, streams: bool = False) -> None:
        """Everybody asks: half of them for a stream, or all."""
        loop = asyncio.get_running_loop()
        for number in range(CLIENTS):
            asked = asks(number, fault, stream=streams or number % 2 == 0)
            asker = Asker(asked, rude=self._dice.random() < 0.5)
            await loop.create_connection(lambda: asker, "127.0.0.1", self.serving.port)  # noqa: B023 - called at once
            self.askers.append(asker)

    async def leave(self) -> None:
        """Each leaves at a random moment; return when all of their exchanges are over."""
        assert not self.serving.records, "all of them are in the phase"
        loop = asyncio.get_running_loop()
        for asker in self.askers:
            loop.call_later(self._dice.uniform(0.0, WINDOW_S), asker.leave)
        assert all(await asyncio.gather(*(asker.gone for asker in self.askers))), "the gateway hung up first"
        await self.serving.record(CLIENTS)

    # -- when it was heard --------------------------------------------------------------------------------------------

    async def provider_p99_s(self) -> float:
        """From each client's leaving until the provider's socket heard FIN or RST."""
        await until(lambda: not self.fake.open_streams)
        ended = {sight.tag: sight for sight in self.fake.sights}
        lags: list[float] = []
        for number, asker in enumerate(self.askers):
            sight = ended[f"client {number}"]
            assert sight.ended == "gone"
            assert sight.ended_s is not None
            lags.append(sight.ended_s - asker.left_s)
        return p99(lags)

    def gateway_p99_s(self) -> float:
        """From each client's leaving to the end of its exchange."""
        wall = time.time() - time.monotonic()
        ended = {record.src_addr: record.started_at + record.duration_s - wall for record in self.serving.records}
        return p99([ended[asker.address] - asker.left_s for asker in self.askers])

    # -- what stayed --------------------------------------------------------------------------------------------------

    @property
    def sockets_left(self) -> int:
        """How many sockets more there are in this process than before anybody came."""
        return sockets() - self._sockets

    async def look_around(self) -> None:
        """Nobody left anything behind: no exchange, connection, task, socket or number; and each request a record."""
        serving, fake = self.serving, self.fake
        assert {(record.outcome, record.status) for record in serving.records} == {("client_gone", 499)}
        requests = len(serving.records)
        async with asyncio.timeout(NOTHING_AFTER_S):
            await until(lambda: not any(gateway_gauges(serving.gateway, serving.pool).values()))
            await until(lambda: not serving.open_clients and not fake.open_connections)
            await until(lambda: len(asyncio.all_tasks()) == self._tasks)
            await until(lambda: self.sockets_left == 0)
        assert serving.metric("active_streams") == 0
        assert serving.metric("exchange_outcomes_total", 'outcome="client_gone"') == requests
        assert serving.metric("requests_total") == requests
        groups = serving.gateway.active.groups(self._backend, "completions")
        assert [outbound.health.pending for group in groups for outbound in group] == [0]
        # Nobody who left holds a place: with a single one there is room for one more.
        serving.use(msgspec.structs.replace(self._plan, admission=Admission(max_concurrent=1, max_queue=0)))
        client = await self._world.client(serving)
        assert (await client.ask(get("/nowhere"), "GET")).status == 404, "503 = there is no room"
        await serving.record(requests + 1)


def sockets() -> int:
    """Files that this process holds open, sockets nearly all of them."""
    return len(os.listdir("/proc/self/fd"))


def p99(lags: list[float]) -> float:
    assert len(lags) == CLIENTS
    assert min(lags) >= -0.01, "a client cannot be heard of before it leaves; the clock of the loop is coarse"
    return sorted(lags)[-CLIENTS // 100]
