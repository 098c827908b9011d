"""Ten thousand that were given up leave nothing: no socket, no task, no entry in the pool (stream-life, section 3)."""

import asyncio
import contextlib
import random
import socket
import ssl
import time
from types import TracebackType
from typing import Self, cast

import pytest

from sluice.config.plan import Endpoint, Tls
from sluice.errors import UpstreamError
from sluice.net.pool import Pool
from tests.net.asking import ASK, Closing, Receiver
from tests.net.clients_side import Asked, Desk, contexts
from tests.net.descriptors import open_sockets
from tests.support.plans import here
from tests.support.raw_client import RESET, get
from tests.support.raw_upstream import Call, RawUpstream
from tests.support.sockets import full_backlog
from tests.support.waiting import until
from tests.support.world import World

MANY = 10_000
AT_ONCE = 10
"""How many are under way at any time."""


class Bench:
    """The other ends, all of which end with the test, and what this process had before."""

    def __init__(self) -> None:
        self.die = random.Random(4)
        self.open: set[End] = set()
        self.made = 0
        self._servers: list[asyncio.Server] = []
        self._sockets = open_sockets()
        self._tasks = asyncio.all_tasks()

    async def provider(self, tls: ssl.SSLContext | None = None) -> int:
        """Begin to listen, and return the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Provider(self), "127.0.0.1", 0, ssl=tls, backlog=1000)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Listen no longer."""
        for server in self._servers:
            server.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        for end in list(self.open):
            end.transport.abort()

    async def settled(self, pool: Pool | None = None) -> None:
        """Wait until everything is as it was before."""
        await until(lambda: not self.open and (pool is None or pool.open_connections == 0))
        await until(lambda: open_sockets() == self._sockets)
        assert asyncio.all_tasks() == self._tasks


class End(asyncio.Protocol):
    """One end of a connection, cheap."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.bench.made += 1
        self.bench.open.add(self)
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.bench.open.discard(self)


class Provider(End):
    """Says its piece as soon as it is asked anything."""

    def data_received(self, data: bytes) -> None:
        match self.bench.die.randrange(6):
            case 0:
                self.transport.abort()
            case 1:
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            case 2:
                self.transport.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
            case 3:
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + b"x" * 100_000)
            case 4:
                self.transport.write(b"HTTP/1.1 2")
            case _:
                pass  # silence


class Client(End):
    """Asks once, perhaps not to the end, and perhaps twice in one breath; never reads."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        asked = get("/a") * self.bench.die.randrange(1, 4)
        self.transport.write(asked if self.bench.die.random() < 0.7 else asked[:-5])

    def leave(self) -> None:
        if self.bench.die.random() < 0.5:
            sock = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()


@pytest.fixture
async def pool(world: World) -> Pool:
    return await world.enter(Closing(Pool()))


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def abandon(pool: Pool, to: Endpoint, die: random.Random) -> bool:
    """Ask, and lose interest after some turns of the loop: while it connects, waits, or reads. Return whether there
    was an answer by then."""
    asking = asyncio.ensure_future(pool.open(to, ASK, expects_body=True, connect_s=5.0, headers_s=5.0))
    await turns(die.choice([1, 2, 3, 4, 6, 8, 12, 16, 24]))
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError, UpstreamError):
        stream = await asking
        stream.attach(Receiver())
        await turns(die.randrange(3))
        stream.close(complete=False)
        return True
    return False


async def many(pool: Pool, places: list[Endpoint], number: int, die: random.Random) -> int:
    """Return how many had an answer when they were given up."""

    async def some() -> int:
        return sum([await abandon(pool, die.choice(places), die) for _ in range(number // AT_ONCE)])

    async with asyncio.TaskGroup() as tasks:
        groups = [tasks.create_task(some()) for _ in range(AT_ONCE)]
    return sum(group.result() for group in groups)


async def test_requests_that_are_given_up_at_any_moment_leave_nothing(pool: Pool) -> None:
    with full_backlog() as blackhole, socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
        closed.close()
        async with Bench() as bench:
            port = await bench.provider()
            places = [here(port)] * 6 + [here(blackhole), here(nobody), here(port, host="localhost")]
            answered = await many(pool, places, MANY, bench.die)
            assert MANY / 20 < answered < MANY / 2 < bench.made, "in all phases"
            pool.sweep(time.monotonic() + 1e6)  # what was kept: its answer was whole before anybody lost interest
            bench.close()
            await bench.settled(pool)


async def mute(call: Call) -> None:
    await call.gone()


async def test_so_do_handshakes(pool: Pool) -> None:
    async with Bench() as bench:
        async with RawUpstream(mute) as silent:
            ports = [await bench.provider(contexts()[0]), silent.port]
            answered = await many(pool, [here(port, tls=Tls(verify=False)) for port in ports], 1000, bench.die)
            assert 20 < answered < bench.made < 1000, "in all phases"
            pool.sweep(time.monotonic() + 1e6)
            bench.close()
        await bench.settled(pool)


async def test_clients_that_leave_at_any_moment_leave_nothing() -> None:
    loop = asyncio.get_running_loop()
    large = b"x" * 100_000

    def answer(asked: Asked) -> None:
        match bench.die.randrange(4):
            case 0:
                asked.stream.start(200, [], 2)
                asked.stream.finish(b"ok")
            case 1:
                asked.stream.start(200, [], None)
                asked.stream.write(b"x" * 1000)
            case 2:
                asked.stream.start(200, [], len(large))
                asked.stream.finish(large)
            case _:
                pass

    async def some(port: int) -> None:
        for _ in range(MANY // AT_ONCE):
            _, client = await loop.create_connection(lambda: Client(bench), "127.0.0.1", port)
            await turns(bench.die.randrange(6))
            client.leave()

    async with Bench() as bench:
        async with Desk() as desk:
            desk.answer = answer
            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(some(desk.port))
            await until(lambda: not desk.connections)
            assert [asked for asked in desk.asked if asked.stream.observer is not None] == []
            assert len([asked for asked in desk.asked if asked.heard[-1:] == ["gone"]]) > MANY / 10, "in the middle"
        await bench.settled()
