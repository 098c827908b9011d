"""HTTP/1.1 message bodies, bytes to payload: chunked, sized, or until the connection closes.

Used for what providers send; what clients send is parsed by llhttp. Never imports asyncio, never blocks, never logs.
Obeys: RFC 9112, sections 6 and 7 (read 2026-11-21). Stricter than it: a chunk's line ends with CRLF, its size has
at most 15 hex digits and nothing before them. Trailers are read and dropped.
"""

from typing import Protocol

from sluice.errors import ProtocolError

MAX_LINE_BYTES = 4096
"""Longest chunk-size line, extensions included. Bounds memory while a size is awaited."""
MAX_TRAILER_BYTES = 16384

_HEX = frozenset(b"0123456789abcdefABCDEF")


class BodyDecoder(Protocol):
    """Payload bytes out of body bytes, cut anywhere."""

    done: bool
    """The body is complete; `rest` holds what came after it."""
    rest: bytes

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the connection and return the payload among them, perhaps none.

        Raises:
            ProtocolError: the framing is broken; the decoder is then unusable.
        """
        ...

    def finish(self) -> None:
        """Say that the connection was closed.

        Raises:
            ProtocolError: the body is not complete.
        """
        ...


class ChunkedBody:
    """A chunked body (RFC 9112, 7.1). Cost: O(n) in the bytes fed."""

    __slots__ = ("_held", "_left", "_trailer", "done", "rest")

    def __init__(self) -> None:
        self._held = b""
        """An unfinished line."""
        self._left = -1
        """Payload bytes left in this chunk; 0 = its CRLF is awaited, -1 = a size line or a trailer is."""
        self._trailer = -1
        """Bytes of trailers read, -1 before the last chunk."""
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        if self._left == -1 and not self._held and self._trailer < 0:
            # One read that is one whole chunk: what providers send event by event.
            eol = data.find(b"\r\n", 0, 18)
            if eol + _SIZES.get(data[:eol], -9) + 4 == len(data) and data.endswith(b"\r\n"):
                return data[eol + 2 : -2]
        return self._slow(data)

    def _slow(self, data: bytes) -> bytes:
        payload: list[bytes] = []
        data = self._held + data
        self._held = b""
        at = 0
        while at < len(data) and not self.done:
            if self._left > 0:
                piece = data[at : at + self._left]
                payload.append(piece)
                at += len(piece)
                self._left -= len(piece)
            elif self._left == 0:
                if not b"\r\n".startswith(data[at : at + 2]):
                    raise ProtocolError("a chunk of the provider's answer does not end with CRLF")
                if len(data) - at < 2:
                    break
                at, self._left = at + 2, -1
            else:
                at, complete = self._line(data, at)
                if not complete:
                    break
        if self.done:
            self.rest += data[at:]
        else:
            self._held = data[at:]
        return b"".join(payload)

    def _line(self, data: bytes, at: int) -> tuple[int, bool]:
        """Read a size line or a trailer line; return where the next begins, and whether the line was complete."""
        limit = MAX_LINE_BYTES if self._trailer < 0 else MAX_TRAILER_BYTES - self._trailer
        eol = data.find(b"\n", at, at + limit)
        if eol < 0:
            if len(data) - at >= limit:
                raise ProtocolError("a line of the provider's chunked framing is too long")
            return at, False
        if eol == at or data[eol - 1] != 0x0D:
            raise ProtocolError("a line of the provider's chunked framing does not end with CRLF")
        line = data[at : eol - 1]
        if self._trailer >= 0:
            self._trailer += len(line) + 2
            self.done = not line
        elif (size := _size(line)) == 0:
            self._trailer = 0
        else:
            self._left = size
        return eol + 1, True

    def finish(self) -> None:
        if not self.done:
            raise ProtocolError("the provider closed the connection inside a chunked body")


class SizedBody:
    """A body of Content-Length bytes."""

    __slots__ = ("_left", "done", "rest")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        if len(data) > self._left:
            self.rest += data[self._left :]
            data = data[: self._left]
        self._left -= len(data)
        self.done = self._left == 0
        return data

    def finish(self) -> None:
        if not self.done:
            raise ProtocolError(f"the provider closed the connection {self._left} bytes before the body's end")


class UntilClose:
    """A body that ends with its connection (HTTP/1.0, or neither length nor chunks)."""

    __slots__ = ("done", "rest")

    def __init__(self) -> None:
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> None:
        self.done = True


_SIZES: dict[bytes, int] = {b"%x" % size: size for size in range(1, 2048)}
"""The sizes of tokens, as providers write them. A number looked up is a number neither checked nor parsed."""


def _size(line: bytes) -> int:
    digits, _, extension = line.partition(b";")
    digits = digits.rstrip(b" \t")
    if b"\r" in extension or b"\n" in extension:
        raise ProtocolError("a chunk extension in the provider's answer holds a bare CR or LF")
    if not 0 < len(digits) <= 15 or not _HEX.issuperset(digits):
        raise ProtocolError("a chunk's size in the provider's answer is not a number")
    return int(digits, 16)
