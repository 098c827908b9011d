"""An HTTP/1.1 answer, read by the letter and stamped as it comes. A machine without input or output.

Never shared with `sluice.wire`: it has to see what that one overlooks. Obeys: RFC 9112, 4, 6 and 7 (read 2026-11-21).
A breach becomes `fault`; nothing is read after it.
"""

import re
from typing import Literal

State = Literal["head", "sized", "size", "data", "crlf", "trailer", "close", "whole", "broken"]
MAX_HEAD_BYTES = 64 << 10
MAX_LINE_BYTES = 1 << 10

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e\x80-\xff]*")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e]*)?")


class AnswerReader:
    """One answer. `feed` it what comes, then `closed` if the connection ends; look at the attributes at any time."""

    def __init__(self) -> None:
        self.status = 0
        """0 = no head came."""
        self.headers: tuple[tuple[str, str], ...] = ()
        """Names are lower case."""
        self.head_at = 0.0
        self.pieces: list[tuple[float, bytes]] = []
        """The body's bytes, unframed, with the second in which they came."""
        self.body_bytes = 0
        self.fault = ""
        """How the answer breaks HTTP."""
        self.whole = False
        self._state: State = "head"
        self._held = b""
        self._left = 0

    def header(self, name: str) -> str:
        """The values of a field, joined as HTTP joins them; empty = it is not there."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def body(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    def feed(self, data: bytes, now: float) -> None:
        """Take the next bytes of the connection, `now` in seconds of any monotonic clock."""
        data, self._held = self._held + data, b""
        at = 0
        while at < len(data) and self._state not in ("whole", "broken"):
            match self._state:
                case "sized" | "data" | "close":
                    at = self._payload(data, at, now)
                case "head":
                    at = self._head(data, at, now)
                case _:
                    at = self._line(data, at)
        if at < len(data) and self._state == "whole":
            self._break("bytes follow the end of the answer")

    def closed(self) -> None:
        """The connection was closed, or reset."""
        if self._state == "close":
            self._end()

    # -- states: each reads on from `at` and returns where it stopped -------------------------------------------------

    def _payload(self, data: bytes, at: int, now: float) -> int:
        taken = data[at:] if self._state == "close" else data[at : at + self._left]
        self.pieces.append((now, taken))
        self.body_bytes += len(taken)
        if self._state != "close":
            self._left -= len(taken)
            if self._left == 0:
                if self._state == "data":
                    self._state = "crlf"
                else:
                    self._end()
        return at + len(taken)

    def _head(self, data: bytes, at: int, now: float) -> int:
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            return self._hold(data, at, MAX_HEAD_BYTES, "the head does not end")
        line, *rows = data[at:end].split(b"\r\n")
        status = _STATUS.fullmatch(line)
        fields = [_FIELD.fullmatch(row) for row in rows]
        if status is None or not all(fields):
            self._break("the head is no head of HTTP/1.1")
            return len(data)
        if status[1][:1] == b"1":
            return end + 4  # 100 Continue and the like: the answer's own head follows
        self.status, self.head_at = int(status[1]), now
        self.headers = tuple((f[1].decode().lower(), f[2].decode("latin-1")) for f in fields if f is not None)
        self._frame()
        return end + 4

    def _frame(self) -> None:
        """How long the body is."""
        coding, length = self.header("transfer-encoding").lower(), self.header("content-length")
        if coding and length:
            self._break("the head has both Transfer-Encoding and Content-Length")
        elif coding:
            self._state = "size"
            if coding != "chunked":
                self._break(f"the transfer coding is {coding!r}")
        elif self.status in (204, 304) or length == "0":
            self._end()
        elif length:
            self._state = "sized"
            if not (length.isascii() and length.isdigit()):
                self._break(f"the content length is {length!r}")
            else:
                self._left = int(length)
        else:
            self._state = "close"

    def _line(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        if end < 0:
            return self._hold(data, at, MAX_LINE_BYTES, "a line of the chunked body does not end")
        line = data[at:end]
        if self._state == "crlf":
            self._state = "size"
            if line:
                self._break("a chunk is longer than its size says")
        elif self._state == "size":
            size = _SIZE.fullmatch(line)
            if size is None:
                self._break("a chunk's size is no number")
            else:
                self._left = int(size[1], 16)
                self._state = "data" if self._left else "trailer"
        elif not line:
            self._end()
        return end + 2

    def _hold(self, data: bytes, at: int, most: int, otherwise: str) -> int:
        """Wait for more of a line, within bounds."""
        self._held = data[at:]
        if len(self._held) > most:
            self._break(otherwise)
        return len(data)

    def _end(self) -> None:
        self._state, self.whole = "whole", True

    def _break(self, what: str) -> None:
        self._state, self.fault = "broken", what
