"""The client's side: HTTP/1.1 on an asyncio transport, parsed by llhttp.

One ServerConnection per socket. Requests of a connection are answered in order, one at a time; what a client
pipelines waits. The socket is read all the while, because only reading tells that the client has gone.
Obeys: RFC 9112 (read 2026-11-21), strictly: what could be read in two ways is refused with 400 and the connection
is closed.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from sluice.config.plan import Limits
from sluice.errors import BadHttp, BodyTooLarge, HeadTooLarge, RequestTimeout, SluiceError
from sluice.gateway.ports import Handler, Request
from sluice.net.answer import ServerStream
from sluice.net.host import is_valid_host
from sluice.telemetry.metrics import ListenerCounters
from sluice.wire.http1 import CONTINUE, Header, fields

MAX_PIPELINED = 32
"""Requests that may wait behind the one being answered; beyond it the socket is not read until one is done."""
BODY_TIMEOUT_S = 60.0
"""How long a request's body may make no progress."""
WRITE_HIGH_BYTES = 64 << 10
"""Bytes buffered for a client beyond which its provider is not read any further."""
LINGER_S = 2.0
"""How long a refused client may go on sending before it is cut: closing at once would destroy the answer on its
way (RFC 9112, 9.6)."""

_NEVER = float("inf")
_VERSIONS = frozenset({"1.0", "1.1"})
_OTHER_METHODS = frozenset(
    b"CONNECT PRI SOURCE DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN"
    b" GET_PARAMETER SET_PARAMETER REDIRECT RECORD FLUSH".split()
)
"""Methods of forward proxies, ICE and RTSP, all of which llhttp reads."""


class ServerConnection(asyncio.Protocol):
    """One client connection. `deadline` is a monotonic second: the listener's sweep calls `expire` once it has
    passed."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        counters: ListenerCounters,
        connections: set["ServerConnection"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handler = handler
        self._limits = limits
        self._counters = counters
        self._connections = connections
        self._clock = clock
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, SluiceError | None, bool]] = deque()
        self._current: ServerStream | None = None
        self._error: SluiceError | None = None
        self._good_host = b""
        """The Host that was found valid last: a client says the same one again and again."""
        self._closing = False
        """No further request is read: the connection closes once the waiting ones are answered."""
        self._received_at = 0.0
        """Monotonic second of the first byte of the request being read; 0 = none."""
        self._reset()
        self.deadline = _NEVER
        self.draining = False
        """The answer under way is the last one of this connection."""

    # -- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport = cast(asyncio.Transport, transport)  # uvloop's own classes do not inherit from it
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        peer = transport.get_extra_info("peername")
        own = transport.get_extra_info("sockname")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unknown"
        self._port = own[1] if isinstance(own, tuple) else 0
        self._connections.add(self)
        self.deadline = self._clock() + self._limits.head_timeout_s

    def data_received(self, data: bytes) -> None:
        self._counters.received += len(data)
        if self._closing:
            return
        self._idle_bytes += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError:
            pass  # a callback of ours refused; `_error` says why
        except httptools.HttpParserError as error:
            self._error = self._error or BadHttp(f"The request is not valid HTTP/1.1: {error}.")
        if self._idle_bytes > self._limits.max_head_bytes:
            self._error = self._error or _head_too_large(self._limits)
        if self._error is not None:
            self._refuse(self._error)
        elif len(self._waiting) > MAX_PIPELINED:
            self.transport.pause_reading()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as found:
            self._parse(self._without_upgrade() + data[found.args[0] :])

    def _without_upgrade(self) -> bytes:
        """No protocol is offered to switch to, and an upgrade may be ignored (RFC 9110, 7.8), but llhttp leaves out
        the body of a request that asks for one. Return the head for a new parser, without the question, and as the
        connection's last."""
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        head = [field for field in self._headers if field[0] not in (b"upgrade", b"expect")]
        again = fields([*head, (b"connection", b"close")])
        line = b"%b %b HTTP/%b\r\n" % (method, self._url, version)
        received_at = self._received_at
        self._parser = httptools.HttpRequestParser(self)
        self._reset()
        self._received_at = received_at
        return b"%b%b\r\n" % (line, again)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._connections.discard(self)
        self._waiting.clear()
        current, self._current = self._current, None
        if current is not None and current.observer is not None:
            current.observer.client_gone()

    def pause_writing(self) -> None:
        if self._current is not None and self._current.observer is not None:
            self._current.observer.client_paused()

    def resume_writing(self) -> None:
        if self._current is not None and self._current.observer is not None:
            self._current.observer.client_resumed()

    # -- llhttp's callbacks -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._received_at == 0.0:
            self._received_at = self._clock()
            if self._current is None:
                self.deadline = self._received_at + self._limits.head_timeout_s

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers are dropped: merged, they could replace what was checked (RFC 9110, 6.5.1)
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        expects = self._check_head()
        if expects and self._current is None and not self._waiting:
            self.transport.write(CONTINUE)
        self.deadline = self._clock() + BODY_TIMEOUT_S

    def on_body(self, data: bytes) -> None:
        self._body.append(data)
        self._body_bytes += len(data)
        self._idle_bytes = 0
        self.deadline = self._clock() + BODY_TIMEOUT_S
        if self._body_bytes > self._limits.max_body_bytes:
            self._stop(_body_too_large(self._limits))

    def on_message_complete(self) -> None:
        if self._error is not None or self._closing:
            return
        if self._parser.should_upgrade():
            return  # see `_without_upgrade`
        keep_alive = self._parser.should_keep_alive()
        self.deadline = _NEVER  # it has come in time; that it waits for its turn is not the client's fault
        self._enqueue(None, keep_alive)
        self._closing = not keep_alive
        self._reset()

    # -- requests -----------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._in_head = True
        self._idle_bytes = 0
        """Bytes of the head, or since the body's last byte: an endless line, chunk extension or trailer is refused."""
        self._url = b""
        self._headers: list[Header] = []
        self._body: list[bytes] = []
        self._body_bytes: int = 0
        self._received_at = 0.0

    def _check_head(self) -> bool:
        """Refuse what llhttp lets through but must not be served; return whether the client waits for a 100
        Continue."""
        version = self._check_line()
        size, length, hosts, expects = len(self._url), 0, 0, False
        for name, value in self._headers:
            size += len(name) + len(value) + 4
            match name:
                case b"host":
                    hosts += 1
                    if value != self._good_host and not is_valid_host(value):
                        self._stop(BadHttp("The Host header is not valid."))
                    self._good_host = value
                case b"content-length":
                    length = int(value) if value.isdigit() else 0
                case b"transfer-encoding":
                    if version != "1.1" or value.strip().lower() != b"chunked":
                        self._stop(BadHttp("Of all transfer codings, only chunked in HTTP/1.1 is accepted."))
                case b"expect":
                    expects = value.strip().lower() == b"100-continue"
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._stop(BadHttp("The request must have exactly one Host header."))
        if size > self._limits.max_head_bytes:
            self._stop(_head_too_large(self._limits))
        if length > self._limits.max_body_bytes:
            self._stop(_body_too_large(self._limits))
        return expects

    def _check_line(self) -> str:
        """Refuse what llhttp reads but is not HTTP/1 for an origin server; return the version."""
        version: str = self._parser.get_http_version()
        if version not in _VERSIONS:
            self._stop(BadHttp("Only HTTP/1.0 and HTTP/1.1 are spoken here."))
        if self._parser.get_method() in _OTHER_METHODS:
            self._stop(BadHttp("The method is not one of HTTP's for a server that is no forward proxy."))
        return version

    def _stop(self, error: SluiceError) -> None:
        """Refuse from inside a callback: llhttp stops here and looks at no further byte."""
        self._error = self._error or error
        raise error

    def _enqueue(self, error: SluiceError | None, keep_alive: bool) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            method=_method(self._parser),
            path=path.partition("#")[0],
            query=query.partition("#")[0],
            headers=tuple(self._headers),
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            http_version=f"HTTP/{self._parser.get_http_version()}",
            peer=self._peer,
            port=self._port,
            received_at=self._received_at or self._clock(),
        )
        self._waiting.append((request, error, keep_alive))
        if self._current is None:
            self._next()

    def _refuse(self, error: SluiceError) -> None:
        self._closing = True
        self._body.clear()
        self._enqueue(error, keep_alive=False)

    def _next(self) -> None:
        request, error, keep_alive = self._waiting.popleft()
        self.deadline = _NEVER
        stream = ServerStream(self, request, keep_alive=keep_alive)
        self._current = stream
        if error is None:
            self._handler.handle(request, stream)
        else:
            self._handler.refuse(error, request, stream)

    # -- for the answer and the listener ------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Write bytes of the current answer."""
        self._counters.sent += len(data)
        self.transport.write(data)

    def answered(self, *, keep_alive: bool) -> None:
        """The current answer is finished: take the next request, or close."""
        refused = self._error is not None
        self._current = None
        if not keep_alive or self.draining:  # the drain may have begun after this answer's head was written
            self._closing = True
            self._waiting.clear()
            self._linger() if refused else self.transport.close()
        elif self._waiting:
            if len(self._waiting) <= MAX_PIPELINED:
                self.transport.resume_reading()
            self._next()
        else:
            self.deadline = self._clock() + self._limits.idle_timeout_s

    def cut(self) -> None:
        """Close at once; what is buffered is lost. Nobody is told: the caller knows."""
        self._current = None
        self.transport.abort()

    def expire(self) -> None:
        """The deadline has passed: an idle connection is closed, a slow request refused."""
        self.deadline = _NEVER
        if self._closing:
            self.transport.abort()
        elif self._received_at == 0.0 and not self._idle_bytes:
            self.transport.close()
        else:
            self._error = RequestTimeout("The request was not sent in time.")
            self._refuse(self._error)

    def drain(self) -> None:
        """Close when idle, now or as soon as the answers under way are finished."""
        self.draining = True
        if self._current is None:
            self.transport.close()

    def _linger(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.deadline = self._clock() + LINGER_S


def _method(parser: "httptools.HttpRequestParser") -> str:
    try:
        return parser.get_method().decode("latin-1")
    except (AttributeError, ValueError):
        return ""


def _head_too_large(limits: Limits) -> HeadTooLarge:
    return HeadTooLarge(f"The request's head exceeds {limits.max_head_bytes} bytes.")


def _body_too_large(limits: Limits) -> BodyTooLarge:
    return BodyTooLarge(f"The request's body exceeds {limits.max_body_bytes} bytes.")
