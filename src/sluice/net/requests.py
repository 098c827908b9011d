"""A client's bytes to requests: llhttp's callbacks, and who may send a body.

Owns no socket: bytes and a clock go in, whole requests come out. Obeys: RFC 9112 (read 2026-11-21), strictly: what
could be read in two ways is refused (`net.request_head`), and nothing after it is looked at.
"""

from collections.abc import Callable
from typing import NoReturn

import httptools
import msgspec

from sluice.config.plan import Limits
from sluice.errors import BadHttp, Overloaded, RequestTimeout, SluiceError
from sluice.gateway.ports import Handler, Request
from sluice.net.known_head import MAX_DIGITS, KnownHead, known_head
from sluice.net.request_head import ABSOLUTE, body_too_large, check_head, head_too_large
from sluice.wire.http1 import Header, fields
from sluice.wire.target import spelt

BODY_TIMEOUT_S = 60.0
"""How long a request's body may make no progress."""

LESSONS = 4
"""Heads in a row that are remembered in vain: then this client's are never the same."""
_NEVER = float("inf")
_BUSY = "This server is busy. Try again in a moment."
_NO_PARSER = httptools.HttpRequestParser(object())
"""That of a reader which reads no more."""


class Incoming(msgspec.Struct, frozen=True):
    """A request that has its turn to come, or what is known of one that is refused: then `error` says why."""

    request: Request
    error: SluiceError | None
    keep_alive: bool
    """The connection may carry another request after this one."""


class RequestReader:
    """Read the requests of one connection. After an Incoming that does not keep the connection alive it is `closed`.

    The bytes of every body are counted in `handler.bodies` as they come. Those of a request that was returned are the
    caller's to count out; the others are counted out here. Call `close` at the end of the connection.
    """

    def __init__(self, handler: Handler, limits: Limits, clock: Callable[[], float], peer: str, port: int) -> None:
        self._admits = handler.admits
        self._bodies = handler.bodies
        self._limits = limits
        self._clock = clock
        self._peer = peer
        self._port = port
        self._parser = httptools.HttpRequestParser(self)
        self._out: list[Incoming] = []
        self._error: SluiceError | None = None
        self._good_host = b""
        """The Host that was found valid last: a client says the same one again and again."""
        self._known: KnownHead | None = None
        """What the last request said, if the next may say the same."""
        self._lessons = LESSONS
        self._received_at = 0.0
        """Monotonic second of the first byte of the request being read; 0 = none."""
        self._room = 0
        self.closed = False
        self.unwanted: SluiceError | None = None
        """Why no further request is taken; said to each whose head comes."""
        self.expects_continue = False
        """The request being read waits for a 100 Continue before its body: see `go_on`."""
        self.deadline = _NEVER
        """Monotonic second by which the request being read must have come further; infinity = none is being read."""
        self._reset()

    def feed(self, data: bytes, room: int) -> list[Incoming]:
        """Take the next bytes and return the requests they complete, oldest first; the last may be a refused one.
        `room`: how many may come; one more is refused."""
        if self.closed:
            return []
        at_rest = self._received_at == 0.0 and self._idle_bytes == 0
        if at_rest and self._known is not None and room > 0 and self.unwanted is None:
            request = self._known.read(data, self._clock())
            if request is not None and self._may_hold(len(request.body)):
                self._lessons = LESSONS
                self._bodies.held += len(request.body)
                return [Incoming(request, None, keep_alive=True)]
        self._room = room
        self._idle_bytes += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError:
            pass  # a callback of ours refused; `_error` says why
        except httptools.HttpParserError as error:
            self._error = self._error or BadHttp(f"The request is not valid HTTP/1.1: {error}.")
        if self._idle_bytes > self._limits.max_head_bytes:
            self._error = self._error or head_too_large(self._limits)
        if self._turned_away:
            self._error = self._error or Overloaded(_BUSY)
        if self._error is not None and not self.closed:
            self._refuse(self._error)
        out, self._out = self._out, []
        if at_rest and len(out) == 1 and not self.reading and not self.closed:
            self._learn(data, out[0].request)
        return out

    def time_out(self) -> list[Incoming]:
        """Refuse the request being read, because its deadline has passed."""
        return self.refuse(RequestTimeout("The request was not sent in time."))

    def refuse(self, error: SluiceError) -> list[Incoming]:
        """Refuse the request being read, and read no more."""
        self._refuse(error)
        out, self._out = self._out, []
        return out

    def go_on(self) -> None:
        """The client was told to send the body that it keeps back."""
        self.expects_continue = False
        self.deadline = self._clock() + BODY_TIMEOUT_S

    @property
    def reading(self) -> bool:
        """Whether a request has begun and is not complete."""
        return not self.closed and self._received_at != 0.0

    def abandoned(self) -> Request | None:
        """The request whose head is here and whose body never will be, if there is one; what came of it is dropped."""
        if self._in_head or self._error is not None or self.closed:
            return None
        self.closed = True
        self._drop_body()
        return self._request()

    def close(self) -> None:
        """Read no more, and let go of everything: until then the parser and this reader hold each other."""
        self.closed = True
        self.deadline = _NEVER
        self._drop_body()
        self._parser = _NO_PARSER

    # -- llhttp's callbacks -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._received_at == 0.0:
            self._received_at = self._clock()
            self.deadline = self._received_at + self._limits.head_timeout_s

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers are dropped: merged, they could replace what was checked (RFC 9110, 6.5.1)
            self._headers.append((name.lower(), value.rstrip(b" \t")))  # llhttp leaves it (RFC 9110, 5.5)

    def on_headers_complete(self) -> None:
        self._in_head = False
        method, version = self._parser.get_method(), self._parser.get_http_version()
        try:
            head = check_head(method, version, self._url, self._headers, self._limits, self._good_host)
        except SluiceError as error:
            self._stop(error)
        self._good_host = head.host
        if self.unwanted is not None:
            self._stop(self.unwanted)
        if len(self._out) >= self._room:
            self._stop(Overloaded("Too many requests wait on this connection."))
        if head.body_bytes != 0:
            self._turned_away = not self._has_room(head.body_bytes)
        if head.expects_continue:
            self.expects_continue = True
        # Who waits to be told has all the time that the answers before it take.
        self.deadline = _NEVER if self.expects_continue else self._clock() + BODY_TIMEOUT_S

    def on_body(self, data: bytes) -> None:
        self._body.append(data)
        self._body_bytes += len(data)
        self._bodies.held += len(data)
        self._idle_bytes = 0
        self.expects_continue = False
        self.deadline = self._clock() + BODY_TIMEOUT_S
        if self._body_bytes > self._limits.max_body_bytes:
            self._stop(body_too_large(self._limits))
        if self._bodies.held > self._limits.max_buffered_bytes:
            self._stop(Overloaded(_BUSY))

    def on_message_complete(self) -> None:
        if self._error is not None or self.closed or self._parser.should_upgrade():
            return  # for the upgrade see `_without_upgrade`
        self.closed = not self._parser.should_keep_alive()
        self.expects_continue = False
        self._out.append(Incoming(self._request(), None, not self.closed))
        self._reset()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._in_head = True
        self._idle_bytes = 0
        """Bytes of the head, or since the body's last byte: an endless line, chunk extension or trailer is refused."""
        self._url = b""
        self._headers: list[Header] = []
        self._turned_away = False
        """There is no room for the body, unless it is here already: then whoever handles it may still have some."""
        self._body: list[bytes] = []
        self._body_bytes: int = 0
        self._received_at = 0.0
        self.deadline = _NEVER

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

    def _stop(self, error: SluiceError) -> NoReturn:
        """Refuse from inside a callback: llhttp stops here and looks at no further byte."""
        self._error = self._error or error
        raise error

    def _has_room(self, body_bytes: int | None) -> bool:
        """Whether a body may come that is not here yet."""
        held = self._bodies.held + (body_bytes or 0)
        return held <= self._limits.max_buffered_bytes and self._admits(body_bytes)

    def _learn(self, data: bytes, request: Request) -> None:
        """These bytes were this request, and nothing else. The next may say the same."""
        fits = len(data) - len(request.body) + MAX_DIGITS <= self._limits.max_head_bytes  # with any length
        self._known = known_head(data, request) if self._lessons and fits else None
        self._lessons -= bool(self._lessons)

    def _may_hold(self, body_bytes: int) -> bool:
        """Whether a body that is here whole is not too large, alone and with all others."""
        limits = self._limits
        return body_bytes <= limits.max_body_bytes and self._bodies.held + body_bytes <= limits.max_buffered_bytes

    def _drop_body(self) -> None:
        self._bodies.held -= self._body_bytes
        self._body_bytes = 0
        self._body.clear()

    def _refuse(self, error: SluiceError) -> None:
        self.closed = True
        self.deadline = _NEVER
        self.expects_continue = False
        self._drop_body()
        error.__traceback__ = None  # its frames hold this reader and the bytes that were read
        self._out.append(Incoming(self._request(), error, keep_alive=False))

    def _request(self) -> Request:
        target = self._url.decode("latin-1")
        path, _, query = (target if target[:1] == "/" else ABSOLUTE.sub("", target)).partition("?")
        return Request(
            method=self._method(),
            path=spelt(path.partition("#")[0]) or "/",
            query=query.partition("#")[0],
            headers=tuple(self._headers),
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            http_version=f"HTTP/{self._parser.get_http_version()}",
            peer=self._peer,
            port=self._port,
            received_at=self._received_at or self._clock(),
        )

    def _method(self) -> str:
        if not self._url:  # llhttp would say DELETE, its first, of what is no method
            return ""
        try:
            return str(self._parser.get_method(), "latin-1")
        except (AttributeError, ValueError):
            return ""
