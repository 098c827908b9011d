"""The end of a process's ports: whoever still takes what it was given has until the deadline, and nobody else waits."""

import asyncio
import ssl
import time
from typing import Self

import pytest
import trustme

from sluice.config.plan import Listener, Plan
from sluice.net.listener import Port
from sluice.net.place import Alone
from sluice.net.ports import Ports
from sluice.telemetry.metrics import Metrics
from tests.net.certificates import listener
from tests.net.clients_side import Asked, Desk, Reader, fill
from tests.support.raw_client import RawClient, get
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

GRACE_S = 0.1
NEVER = float("inf")


class Open:
    """A process's ports, one of them open, with and without TLS."""

    def __init__(self, *, tls: bool) -> None:
        self.desk = Desk()
        self.ports = Ports(("127.0.0.1",), None, Alone(), Metrics("agentgateway_", "test"))
        self.number = free_ports(1)[0]
        self.client_tls: ssl.SSLContext | None = None
        self._listener = Listener(name="http", gateway="test/gateway", port=self.number)
        if tls:
            authority = trustme.CA()
            self._listener = listener(authority, "gateway.test", port=self.number)
            self.client_tls = trusting(authority)

    async def __aenter__(self) -> Self:
        await self.ports.use(Plan(listeners=(self._listener,)), self.desk)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ports.close()
        await until(lambda: not self.port.connections)

    @property
    def port(self) -> Port:
        (port,) = self.ports._all()
        return port

    async def reader(self) -> Reader:
        return await asyncio.to_thread(Reader, self.number, self.client_tls)

    async def flushed(self, deadline: float = NEVER, *, grace_s: float = GRACE_S) -> float:
        """Wait as the process does at its end, and return how long that was."""
        started = time.monotonic()
        async with asyncio.timeout(5.0):
            await self.ports.flushed(grace_s, lambda: deadline)
        return time.monotonic() - started


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
async def opened(world: World, request: pytest.FixtureRequest) -> Open:
    return await world.enter(Open(tls=request.param))


async def owed(world: World, opened: Open) -> tuple[Reader, Asked, int]:
    """A client that has not taken the end of its answer: less than the mark waits for it in our buffer, and the
    exchange is over."""
    reader = await world.enter(await opened.reader())
    reader.send(get("/a"))
    asked = await opened.desk.request()
    (connection,) = opened.port.connections
    given = fill(asked, connection)
    assert asked.stream.finish() is True
    return reader, asked, given


async def test_whoever_pauses_and_then_reads_on_has_it_all(world: World, opened: Open) -> None:
    reader, _, given = await owed(world, opened)
    opened.ports.drain()
    waiting = asyncio.create_task(opened.flushed())
    await asyncio.sleep(3 * GRACE_S)
    assert not waiting.done(), "its pause is longer than what everybody gets"
    assert await reader.rest() > given
    reader._sock.close()
    assert await waiting > 3 * GRACE_S
    assert not opened.port.connections


async def test_nobody_is_waited_for_after_the_deadline(world: World, opened: Open) -> None:
    await owed(world, opened)
    opened.ports.drain()
    assert GRACE_S <= await opened.flushed(0.0) < 1.0
    assert 3 * GRACE_S <= await opened.flushed(time.monotonic() + 3 * GRACE_S) < 1.0


async def test_a_deadline_may_come_nearer(world: World, opened: Open) -> None:
    """A second signal."""
    await owed(world, opened)
    opened.ports.drain()
    deadline = [NEVER]
    waiting = asyncio.create_task(opened.ports.flushed(GRACE_S, lambda: deadline[0]))
    await asyncio.sleep(2 * GRACE_S)
    assert not waiting.done()
    deadline[0] = 0.0
    async with asyncio.timeout(1.0):
        await waiting


async def test_who_is_owed_nothing_is_waited_for_no_longer_than_everybody(world: World) -> None:
    """As a client that does not say its TLS goodbye."""
    opened = await world.enter(Open(tls=True))
    reader = await world.enter(await opened.reader())
    reader.send(get("/a"))
    asked = await opened.desk.request()
    asked.stream.start(200, [], 2)
    asked.stream.finish(b"ok")
    opened.ports.drain()
    assert GRACE_S <= await opened.flushed() < 1.0
    assert opened.port.connections, "it was not waited for"


async def test_an_end_that_nobody_delays_is_not_delayed(world: World, opened: Open) -> None:
    client = await world.enter(await RawClient.connect(opened.number, tls=opened.client_tls, name=named(opened)))
    client.send(get("/a"))
    asked = await opened.desk.request()
    asked.stream.start(200, [], 2)
    asked.stream.finish(b"ok")
    opened.ports.drain()
    assert await opened.flushed(grace_s=4.0) < 1.0


async def test_a_handshake_under_way_is_no_new_work_for_a_drain(world: World) -> None:
    opened = await world.enter(Open(tls=True))
    client = await world.enter(await RawClient.connect(opened.number))
    client.send(b"\x16\x03\x01")
    await until(lambda: len(opened.port._encrypted) == 1)
    opened.ports.drain()
    assert await client.rest(within_s=0.25) == b""
    assert not opened.port._encrypted


def named(opened: Open) -> str | None:
    return "gateway.test" if opened.client_tls is not None else None
