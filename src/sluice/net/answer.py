"""One answer on a client's connection: its head, its framing, its end."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Protocol

from sluice.gateway.ports import ClientObserver, Request
from sluice.wire.http1 import LAST_CHUNK, Header, chunk, fields, status_line

_NO_BODY = frozenset({204, 205, 304})
_SIZE_LINES = tuple(b"%x\r\n" % size for size in range(2048))
"""Formatting a number costs more than writing the chunk: the sizes of tokens are at hand."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 seconds: closing sends RST (socket(7))."""


class Connection(Protocol):
    """What an answer needs of the connection it is written to."""

    until_close: bool
    """The body under way ends where the connection ends: only a reset tells that it was cut."""

    @property
    def draining(self) -> bool: ...

    def send(self, data: bytes) -> None: ...

    def answered(self) -> bool: ...

    def unread(self) -> int: ...

    def cut(self) -> None: ...


class ServerStream:
    """See `ClientStream` for the caller's obligations. Head and first bytes leave in one write; so do last bytes
    and end."""

    __slots__ = ("_bodyless", "_chunked", "_connection", "_head", "_request", "finished", "keep_alive", "observer")

    def __init__(self, connection: Connection, request: Request, *, keep_alive: bool) -> None:
        self._connection = connection
        self._request = request
        self.keep_alive = keep_alive
        """The connection may carry another answer after this one."""
        self.finished = False
        """All bytes were given; with the observer still there, they have not left yet."""
        self._head = b""
        self._chunked = False
        self._bodyless = False
        self.observer: ClientObserver | None = None

    def start(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        self._bodyless = self._request.method == "HEAD" or status in _NO_BODY
        if self._connection.draining:
            self.keep_alive = False
        framing = b""
        if length is not None and status not in _NO_BODY:
            framing = b"content-length: %d\r\n" % length
        elif length is None and not self._bodyless:
            self._chunked = self._request.http_version == "HTTP/1.1"
            self.keep_alive &= self._chunked
            self._connection.until_close = not self._chunked
            framing = b"transfer-encoding: chunked\r\n" if self._chunked else b""
        if not self.keep_alive:
            framing += b"connection: close\r\n"
        elif self._request.http_version == "HTTP/1.0":
            framing += b"connection: keep-alive\r\n"
        self._head = b"%b%b%b\r\n" % (status_line(status), fields(headers), framing)

    def write(self, data: bytes) -> None:
        if self._chunked and data:  # an empty chunk would end the body
            size = len(data)
            line = _SIZE_LINES[size] if size < len(_SIZE_LINES) else b"%x\r\n" % size
            data = b"".join((self._head, line, data, b"\r\n") if self._head else (line, data, b"\r\n"))
        elif self._bodyless:
            data = self._head
        elif self._head:
            data = self._head + data
        self._head = b""
        self._connection.send(data)

    def finish(self, data: bytes = b"") -> bool:
        self.finished = True
        if self._chunked:
            self._connection.send(b"%b%b%b" % (self._head, chunk(data), LAST_CHUNK))
        elif self._head or data:
            self._connection.send(self._head if self._bodyless else self._head + data)
        self._head = b""
        return self._connection.answered()

    def unread(self) -> int:
        return self._connection.unread()

    def abort(self) -> None:
        self.observer = None
        self._connection.cut()


def close_by_reset(transport: asyncio.BaseTransport) -> None:
    """See to it that the socket, once it is closed, tells the other end that something is missing."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        with contextlib.suppress(OSError):  # the other end may have gone
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
