"""Asking a provider through a pool, without a gateway."""

import asyncio

from sluice.config.plan import Endpoint
from sluice.errors import UpstreamError
from sluice.gateway.ports import UpstreamStream
from sluice.net.pool import Pool
from tests.support.plans import here
from tests.support.raw_upstream import Play, RawUpstream
from tests.support.waiting import PATIENCE_S, until
from tests.support.world import World

ASK = b"POST /v1 HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"


class Receiver:
    """Remembers a body and how it ended."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended: asyncio.Future[UpstreamError | None] = asyncio.get_running_loop().create_future()

    def body(self, data: bytes) -> None:
        assert not self.ended.done(), "bytes after the end"
        self.data += data

    def eof(self) -> None:
        self.ended.set_result(None)

    def broke(self, error: UpstreamError) -> None:
        self.ended.set_result(error)


async def ask(pool: Pool, to: Endpoint, *, expects_body: bool = True, headers_s: float = 2.0) -> UpstreamStream:
    async with asyncio.timeout(PATIENCE_S):
        return await pool.open(to, ASK, expects_body=expects_body, connect_s=1.0, headers_s=headers_s)


async def receive(stream: UpstreamStream) -> tuple[bytes, UpstreamError | None]:
    """Read a whole body and close."""
    receiver = Receiver()
    stream.attach(receiver)
    async with asyncio.timeout(PATIENCE_S):
        error = await receiver.ended
    stream.close(complete=error is None)
    return bytes(receiver.data), error


class Closing:
    """A pool that is closed with the test, and then has no socket left."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Pool:
        return self._pool

    async def __aexit__(self, *_: object) -> None:
        self._pool.close()
        await until(lambda: self._pool.open_connections == 0)


async def closed(pool: Pool) -> None:
    """No connection is left, at once: within a few turns of the loop."""
    await until(lambda: pool.open_connections == pool.resting_connections == 0, within_s=0.25)


async def start(world: World, play: Play | bytes) -> tuple[RawUpstream, Endpoint]:
    upstream = await world.upstream(play)
    return upstream, here(upstream.port)
