"""Requests of the client over the connections of `net`: whole answers, and bodies read as they come.

A reader that does not keep up pauses its socket; nothing is buffered beyond one mark. Obeys: RFC 9112.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec

from sluice import __version__
from sluice.config.plan import Endpoint, Tls
from sluice.errors import ProtocolError, Refused, SluiceError, TimedOut, UpstreamError
from sluice.gateway.plain_http import host_header
from sluice.net.lease import Lease
from sluice.net.pool import Pool
from sluice.wire import http1

CONNECT_S = 10.0
MARK = 256 * 1024
"""Bytes of a body that wait for its reader before its socket is paused."""
MAX_WHOLE_BYTES = 64 << 20


class Answer(msgspec.Struct, frozen=True):
    """A whole answer of a status below 300."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Body:
    """A body as it comes. Implements `gateway.ports.BodyReceiver`."""

    def __init__(self, lease: Lease) -> None:
        self.status = lease.head.status
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in lease.head.headers}
        self._lease = lease
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._error: UpstreamError | None = None
        self._woken = asyncio.Event()
        lease.attach(self)

    def body(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MARK:
            self._lease.pause()
        self._woken.set()

    def eof(self) -> None:
        self._over = True
        self._woken.set()

    def broke(self, error: UpstreamError) -> None:
        self._over, self._error = True, error
        self._woken.set()

    async def pieces(self, silence_s: float | None = None) -> AsyncGenerator[bytes, None]:
        """Give the body as it comes.

        Raises:
            TimedOut: nothing came for `silence_s` seconds; None = there is no such limit.
            UpstreamError: the connection broke before its end.
        """
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._size -= len(piece)
                if self._size <= MARK:
                    self._lease.resume()
                yield piece
            if self._over:
                if self._error is not None:
                    raise self._error
                return
            self._woken.clear()
            try:
                async with asyncio.timeout(silence_s):
                    await self._woken.wait()
            except TimeoutError:
                raise TimedOut("idle") from None

    def close(self) -> None:
        """Let the connection go: for the next request if all was read, else for good."""
        self._lease.close(complete=self._over and self._error is None)


class Http:
    """One server. `url`: its base address, as `http://localhost:8080`; a path in it stands before every other.

    Raises:
        ValueError: it is no such address.
    """

    def __init__(self, url: str, key: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an address like http://localhost:8080")
        tls = Tls() if parts.scheme == "https" else None
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        self._endpoint = Endpoint(host=host, port=parts.port or (443 if tls else 80), tls=tls)
        self._prefix = parts.path.rstrip("/")
        self._key = key
        self._pool = Pool()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @asynccontextmanager
    async def open(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        within_s: float = 0.0,
    ) -> AsyncIterator[Body]:
        """Send a request and give its answer's body while it comes; `within_s`: of waiting for its head, 0 = no limit.

        Raises:
            Unreachable, TimedOut: there is no connection, or no answer.
            UpstreamError: it broke.
            Refused: the status is 300 or more; says what the server said.
        """
        request = self._request(method, path, body, headers or {})
        lease = await self._pool.open(
            self._endpoint, request, expects_body=method != "HEAD", connect_s=CONNECT_S, headers_s=within_s
        )
        answer = Body(lease)
        try:
            if answer.status >= 300:
                raise refused(answer.status, await _all(answer))
            yield answer
        finally:
            answer.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        within_s: float = 60.0,
    ) -> Answer:
        """Send a request and return its whole answer; raises as `open`."""
        async with self.open(method, path, body, headers=headers, within_s=within_s) as answer:
            return Answer(answer.status, answer.headers, await _all(answer))

    def _request(self, method: str, path: str, body: object, more: Mapping[str, str]) -> bytes:
        data = b"" if body is None else msgspec.json.encode(body)
        fields = {
            "host": host_header(self._endpoint),
            "user-agent": f"sluice/{__version__}",
            "accept": "application/json",
            "accept-encoding": "identity",
            **({"content-type": "application/json"} if data else {}),
            **({"authorization": f"Bearer {self._key}"} if self._key else {}),
            "content-length": str(len(data)),
            **more,
        }
        lines = http1.fields([(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()])
        return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method.encode(), (self._prefix + path).encode("ascii"), lines, data)


async def _all(answer: Body) -> bytes:
    whole = bytearray()
    async for piece in answer.pieces():
        whole += piece
        if len(whole) > MAX_WHOLE_BYTES:
            raise ProtocolError("the answer is too large")
    return bytes(whole)


class _Problem(msgspec.Struct, frozen=True):
    """An error as the server's own protocols tell it: RFC 9457's members, or OpenAI's object."""

    detail: str = ""
    message: str = ""
    code: str = ""
    error: "_Problem | str" = ""


def refused(status: int, body: bytes) -> SluiceError:
    """Return what a server says with a status of 300 or more."""
    try:
        told = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeError):
        told = _Problem()
    inner = told.error if isinstance(told.error, _Problem) else told
    said = told.error if isinstance(told.error, str) else ""
    message = inner.detail or inner.message or said or f"the server answered with status {status}"
    return Refused(message, status=status, code=inner.code or None)
