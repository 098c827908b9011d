"""What one stream holds while its client reads nothing, however much its provider offers: bounded, and unharmed."""

import asyncio
import hashlib
import random
from collections import Counter
from typing import Self

import pytest

from sluice.config.plan import Endpoint, Tls
from sluice.gateway.ports import UpstreamStream
from sluice.net.pool import Pool
from sluice.net.server import WRITE_HIGH_BYTES
from sluice.net.sips import SIP_BYTES
from sluice.net.upstream import MAX_EARLY_BYTES
from tests.net.asking import Closing, Receiver, ask, receive
from tests.net.clients_side import Asked, Desk, Reader, contexts
from tests.support.plans import here
from tests.support.raw_client import get
from tests.support.raw_upstream import Call, Play, RawUpstream, chunk, chunked_head
from tests.support.waiting import until
from tests.support.world import World

SIZE = 12 << 20
"""More than all kernels on the way hold together."""
BODY = random.Random(4).randbytes(SIZE)


class Road:
    """What is between a provider and a client in the gateway: a relay that passes on, and back-pressure."""

    def __init__(self, asked: Asked, upstream: UpstreamStream) -> None:
        self._client = asked.stream
        self._upstream = upstream
        self._client.observer = self
        self.reads: list[int] = []

    def body(self, data: bytes) -> None:
        self.reads.append(len(data))
        self._client.write(data)

    def eof(self) -> None:
        self._client.finish()

    def broke(self, error: Exception) -> None:
        raise AssertionError(error)

    def client_paused(self) -> None:
        self._upstream.pause()

    def client_resumed(self) -> None:
        self._upstream.resume()

    def client_gone(self) -> None:
        self._upstream.close(complete=False)


async def flood(call: Call) -> None:
    """12 MiB in chunks of 10 kB, as fast as they are taken."""
    await call.request()
    call.send(chunked_head())
    for at in range(0, SIZE, 10_000):
        call.send(chunk(BODY[at : at + 10_000]))
        if at % 100_000 == 0:
            await call.writer.drain()
    call.send(b"0\r\n\r\n")
    await call.gone(60.0)


class Secured(RawUpstream):
    """The same over TLS."""

    async def __aenter__(self) -> Self:
        return await self.start(tls=contexts()[0])


async def begin(world: World, play: Play, *, tls: bool = False) -> tuple[RawUpstream, Endpoint, Pool]:
    """A provider, where it is, and a pool, which ends before it: a provider waits until it has been heard."""
    upstream = await world.enter((Secured if tls else RawUpstream)(play))
    to = here(upstream.port, tls=Tls(verify=False) if tls else None)
    return upstream, to, await world.enter(Closing(Pool()))


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_a_client_that_does_not_read_costs_no_more_than_its_mark_and_a_sip(world: World, tls: bool) -> None:
    _, to, pool = await begin(world, flood, tls=tls)
    desk = await world.enter(Desk(tls=tls))
    readers: list[Reader] = []
    roads: list[Road] = []
    for number in range(1, 4):
        readers.append(await world.enter(await desk.reader()))
        readers[-1].send(get("/a", "Connection: close"))
        asked = await desk.request(number)
        stream = await ask(pool, to)
        asked.stream.start(200, [], None)
        roads.append(Road(asked, stream))
        stream.attach(roads[-1])
    before = -1
    while (now := sum(sum(road.reads) for road in roads)) != before:
        before = now
        await asyncio.sleep(0.1)
    assert now < 3 * SIZE
    framing = 1000
    held = [connection.transport.get_write_buffer_size() for connection in desk.connections]
    assert tls or max(held) <= WRITE_HIGH_BYTES + SIP_BYTES + framing
    assert 0 < max(held) < (256 if tls else 160) << 10, "stream-life, section 8"
    found = await asyncio.gather(*[asyncio.to_thread(digest, reader) for reader in readers])
    assert found == [hashlib.sha256(BODY).digest()] * 3, "each has its own bytes, although all share one buffer"
    for road in roads:
        large = [size for size in road.reads if size > SIP_BYTES]
        assert len(large) <= 2, "the read that shows that much comes at once, and what came before its receiver"


def digest(reader: Reader) -> bytes:
    """Read a chunked answer to its end, and hash the body."""
    raw = bytearray()
    while data := reader._sock.recv(1 << 16):
        raw += data
    at = raw.index(b"\r\n\r\n") + 4
    hashed = hashlib.sha256()
    while size := int(raw[at : (eol := raw.index(b"\r\n", at))], 16):
        hashed.update(raw[eol + 2 : eol + 2 + size])
        at = eol + 2 + size + 2
    return hashed.digest()


class Turns(Receiver):
    """Counts what it receives in each turn of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.received: Counter[int] = Counter()
        self._loop = asyncio.get_running_loop()
        self._turn()

    def _turn(self) -> None:
        self.now += 1
        if not self.ended.done():
            self._loop.call_soon(self._turn)

    def body(self, data: bytes) -> None:
        self.received[self.now] += 1
        super().body(data)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_a_provider_that_says_much_leaves_others_their_turn(world: World, tls: bool) -> None:
    """Read as long as there is more, as uvloop would by itself, it keeps the event loop for up to 32 reads."""
    _, to, pool = await begin(world, flood, tls=tls)
    stream = await ask(pool, to)
    turns = Turns()
    stream.attach(turns)
    async with asyncio.timeout(10.0):
        await turns.ended
    assert turns.data == BODY
    assert max(turns.received.values()) <= 2, "what came with the head, and a sip"


async def test_what_comes_before_its_receiver_is_bounded(world: World) -> None:
    _, to, pool = await begin(world, flood)
    stream = await ask(pool, to)
    (connection,) = pool._all
    await until(lambda: len(connection._buffer) > MAX_EARLY_BYTES)
    await asyncio.sleep(0.05)
    held = len(connection._buffer)
    assert held <= MAX_EARLY_BYTES + 256_000
    receiver = Receiver()
    stream.pause()
    stream.attach(receiver)
    assert 0 < len(receiver.data) <= held
    async with asyncio.timeout(5.0):
        await receiver.ended
    assert receiver.data == BODY


async def test_a_connection_in_sips_serves_on(world: World) -> None:
    """Short answers after a long one, and the provider's leaving, are heard as before."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE, BODY)
        for _ in range(3):
            await call.request()
            call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    upstream, to, pool = await begin(world, play)
    data, error = await receive(await ask(pool, to))
    assert (hashlib.sha256(data).digest(), error) == (hashlib.sha256(BODY).digest(), None)
    for _ in range(3):
        assert await receive(await ask(pool, to)) == (b"ok", None)
    assert len(upstream.calls) == 1
    await until(lambda: pool.open_connections == 0)
