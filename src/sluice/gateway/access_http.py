"""One request to a service that a policy asks, and its whole answer: small, and not waited for long."""

import asyncio
from collections.abc import Sequence

from sluice.config.plan import Endpoint, Tls
from sluice.errors import ProtocolError, TimedOut, UpstreamError
from sluice.gateway.ports import Upstream, UpstreamHead
from sluice.policies.server import Server
from sluice.wire import http1
from sluice.wire.http1 import Header

_BODILESS = (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"DELETE")


def endpoint_of(server: Server) -> Endpoint:
    """Return a server as a pool knows it."""
    tls = Tls(server_name=server.server_name, ca_pem=server.ca_pem, verify=server.verify) if server.secure else None
    return Endpoint(host=server.host, port=server.port, tls=tls)


def host_of(server: Server) -> bytes:
    """Return the value of its Host header."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    usual = 443 if server.secure else 80
    return (host if server.port == usual else f"{host}:{server.port}").encode("latin-1")


def render(method: str, target: str, headers: Sequence[Header], body: bytes = b"") -> bytes:
    """Return the bytes of a request.

    Raises:
        ValueError: a header holds a line's end, or the target is none.
    """
    if not target.startswith("/") or not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError("a target is a path, perhaps with a query")
    line = f"{method} {target} HTTP/1.1\r\n".encode("latin-1")
    length = b"content-length: %d\r\n" % len(body) if body or method.encode() not in _BODILESS else b""
    return b"%b%b%b\r\n%b" % (line, http1.fields(headers), length, body)


async def ask(
    upstream: Upstream,
    server: Server,
    request: bytes,
    *,
    within_s: float,
    max_bytes: int,
    expects_body: bool = True,
    cuts: bool = False,
) -> tuple[UpstreamHead, bytes]:
    """Return head and body of the answer. A longer body is an error; `cuts`: the rest of it is not read.

    Raises:
        UpstreamError: nobody is there, or the answer is late, broken or too long.
    """
    try:
        async with asyncio.timeout(within_s):
            stream = await upstream.open(
                endpoint_of(server), request, expects_body=expects_body, connect_s=within_s, headers_s=within_s
            )
            body = _Body(max_bytes, cuts=cuts)
            try:
                stream.attach(body)
                complete = await body.ended
            except BaseException:
                complete = False
                raise
            finally:
                stream.close(complete=complete)
            return stream.head, bytes(body.data)
    except TimeoutError:
        raise TimedOut("total") from None


class _Body:
    """A BodyReceiver that keeps what it gets, no more than it may."""

    def __init__(self, max_bytes: int, *, cuts: bool) -> None:
        self.data = bytearray()
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether that is all of it."""
        self._max_bytes, self._cuts = max_bytes, cuts

    def body(self, data: bytes) -> None:
        self.data += data[: self._max_bytes + 1 - len(self.data)]
        if len(self.data) > self._max_bytes:
            if self._cuts:
                del self.data[self._max_bytes :]
                self._end(whole=False)
            else:
                self._fail(ProtocolError("the answer is too long"))

    def eof(self) -> None:
        self._end(whole=True)

    def broke(self, error: UpstreamError) -> None:
        self._fail(error)

    def _end(self, *, whole: bool) -> None:
        if not self.ended.done():
            self.ended.set_result(whole)

    def _fail(self, error: UpstreamError) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
