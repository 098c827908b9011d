"""A provider's refusal, read whole: small, and not waited for long."""

import asyncio
from collections.abc import Sequence

from sluice.errors import ProtocolError, UpstreamError
from sluice.gateway.ports import UpstreamStream
from sluice.gateway.quoted import HIDDEN
from sluice.wire import coding

MAX_BYTES = 1 << 20
"""What is read of a refusal; the rest says nothing new."""
MAX_S = 10.0


class _Collector:
    """A BodyReceiver that keeps what it gets, up to a limit."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def body(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > MAX_BYTES:
            self._end()

    def eof(self) -> None:
        self._end()

    def broke(self, error: UpstreamError) -> None:
        self._end()

    def _end(self) -> None:
        if not self.complete.done():
            self.complete.set_result(None)


async def read_refusal(upstream: UpstreamStream, secrets: Sequence[str], within_s: float) -> bytes:
    """Return what can be had of the body in this time, our credentials taken out. Never raises but for cancellation;
    the upstream is closed after it."""
    collector = _Collector()
    try:
        upstream.attach(collector)
        async with asyncio.timeout(min(MAX_S, within_s)):
            await collector.complete
    except TimeoutError:
        pass
    finally:
        upstream.close(complete=False)
    data = bytes(collector.data[:MAX_BYTES])
    try:
        inflate = coding.decoder(upstream.head.header(b"content-encoding"))
        body = data if inflate is None else next(inflate.feed(data), b"")
    except ProtocolError:
        return b""
    for secret in secrets:
        body = body.replace(secret.encode(), HIDDEN.encode())
    return body
