"""A client's bytes to requests: llhttp's callbacks, and what it lets through but must not be served.

Owns no socket: bytes and a clock go in, whole requests come out. Obeys: RFC 9112 (read 2026-11-21), strictly: what
could be read in two ways is refused, and nothing after it is looked at.
"""

import re
from collections.abc import Callable

import httptools
import msgspec

from sluice.config.plan import Limits
from sluice.errors import BadHttp, BodyTooLarge, HeadTooLarge, RequestTimeout, SluiceError
from sluice.gateway.ports import Request
from sluice.net.host import is_valid_host
from sluice.wire.http1 import Header, fields

BODY_TIMEOUT_S = 60.0
"""How long a request's body may make no progress."""

_NEVER = float("inf")
_DOTS = re.compile(rb"(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)", re.IGNORECASE)
"""`.` and `..` as segments, however they are written: joined to a provider's base path they would lead out of it."""
_ABSOLUTE = re.compile(r"^https?://([^/?#]*)", re.IGNORECASE)
"""The part of an absolute-form target that names the host (RFC 9112, 3.2.2): accepted, but it must agree with Host."""
_VERSIONS = frozenset({"1.0", "1.1"})
_OTHER_METHODS = frozenset(
    b"CONNECT PRI SOURCE DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN"
    b" GET_PARAMETER SET_PARAMETER REDIRECT RECORD FLUSH".split()
)
"""Methods of forward proxies, ICE and RTSP, all of which llhttp reads."""


class Incoming(msgspec.Struct, frozen=True):
    """A request that has its turn to come, or what is known of one that is refused: then `error` says why."""

    request: Request
    error: SluiceError | None
    keep_alive: bool
    """The connection may carry another request after this one."""


class RequestReader:
    """Read the requests of one connection. After an Incoming that does not keep the connection alive it is `closed`."""

    def __init__(self, limits: Limits, clock: Callable[[], float], peer: str, port: int) -> None:
        self._limits = limits
        self._clock = clock
        self._peer = peer
        self._port = port
        self._parser = httptools.HttpRequestParser(self)
        self._out: list[Incoming] = []
        self._error: SluiceError | None = None
        self._good_host = b""
        """The Host that was found valid last: a client says the same one again and again."""
        self._received_at = 0.0
        """Monotonic second of the first byte of the request being read; 0 = none."""
        self.closed = False
        self.expects_continue = False
        """The request being read waits for a 100 Continue before its body. The owner clears it."""
        self.deadline = _NEVER
        """Monotonic second by which the request being read must have come further; infinity = none is being read."""
        self._reset()

    def feed(self, data: bytes) -> list[Incoming]:
        """Take the next bytes and return the requests they complete, oldest first; the last may be a refused one."""
        if self.closed:
            return []
        self._idle_bytes += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError:
            pass  # a callback of ours refused; `_error` says why
        except httptools.HttpParserError as error:
            self._error = self._error or BadHttp(f"The request is not valid HTTP/1.1: {error}.")
        if self._idle_bytes > self._limits.max_head_bytes:
            self._error = self._error or self._head_too_large()
        if self._error is not None and not self.closed:
            self._refuse(self._error)
        out, self._out = self._out, []
        return out

    def time_out(self) -> list[Incoming]:
        """Refuse the request being read, because its deadline has passed."""
        self._refuse(RequestTimeout("The request was not sent in time."))
        out, self._out = self._out, []
        return out

    @property
    def reading(self) -> bool:
        """Whether a request has begun and is not complete."""
        return not self.closed and self._received_at != 0.0

    def abandoned(self) -> Request | None:
        """The request whose head is here and whose body never will be, if there is one."""
        if self._in_head or self._error is not None or self.closed:
            return None
        self.closed = True
        return self._request()

    # -- llhttp's callbacks -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._received_at == 0.0:
            self._received_at = self._clock()
            self.deadline = self._received_at + self._limits.head_timeout_s

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # trailers are dropped: merged, they could replace what was checked (RFC 9110, 6.5.1)
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._check_head():
            self.expects_continue = True
        self.deadline = self._clock() + BODY_TIMEOUT_S

    def on_body(self, data: bytes) -> None:
        self._body.append(data)
        self._body_bytes += len(data)
        self._idle_bytes = 0
        self.deadline = self._clock() + BODY_TIMEOUT_S
        if self._body_bytes > self._limits.max_body_bytes:
            self._stop(self._body_too_large())

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

    def _check_head(self) -> bool:
        """Refuse what llhttp lets through but must not be served; return whether the client waits for a 100
        Continue."""
        version = self._check_line()
        absolute = _ABSOLUTE.match(self._url.decode("latin-1"))
        size, length, hosts, expects = len(self._url), 0, 0, False
        for name, value in self._headers:
            size += len(name) + len(value) + 4
            match name:
                case b"host":
                    hosts += 1
                    if value != self._good_host and not is_valid_host(value):
                        self._stop(BadHttp("The Host header is not valid."))
                    if absolute is not None and absolute[1].encode("latin-1").lower() != value.strip().lower():
                        self._stop(BadHttp("The request's target and its Host header name different hosts."))
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
            self._stop(self._head_too_large())
        if length > self._limits.max_body_bytes:
            self._stop(self._body_too_large())
        return expects

    def _check_line(self) -> str:
        """Refuse what llhttp reads but is not HTTP/1 for an origin server; return the version."""
        if _DOTS.search(self._url.partition(b"?")[0]):
            self._stop(BadHttp("The path must not hold dot segments."))
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

    def _refuse(self, error: SluiceError) -> None:
        self.closed = True
        self.deadline = _NEVER
        self._body.clear()
        self._out.append(Incoming(self._request(), error, keep_alive=False))

    def _request(self) -> Request:
        target = _ABSOLUTE.sub("", self._url.decode("latin-1"))
        path, _, query = target.partition("?")
        return Request(
            method=self._method(),
            path=path.partition("#")[0] or "/",
            query=query.partition("#")[0],
            headers=tuple(self._headers),
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            http_version=f"HTTP/{self._parser.get_http_version()}",
            peer=self._peer,
            port=self._port,
            received_at=self._received_at or self._clock(),
        )

    def _method(self) -> str:
        try:
            return str(self._parser.get_method(), "latin-1")
        except (AttributeError, ValueError):
            return ""

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(f"The request's head exceeds {self._limits.max_head_bytes} bytes.")

    def _body_too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The request's body exceeds {self._limits.max_body_bytes} bytes.")
