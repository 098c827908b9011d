"""A JSON array that grows, bytes to frames and back: one frame per element, as soon as the element is whole.

Never imports asyncio, never blocks, never logs. Knows nothing of LLMs. Elements are objects or arrays; what is inside
them is for their reader to judge: only strings and brackets are followed here (RFC 8259, sections 2, 5 and 7).
Gemini streams like this when it is not asked for server-sent events, pretty-printed, with commas on lines of their own.

- The `raw` of a frame are all bytes since the frame before: the opening bracket, commas and white space stand before
  the element that they led to. The closing bracket is a frame of its own, without `data`.
- An element that is still incomplete at the end is dropped, as an unfinished event is.
"""

import re

from sluice.errors import FrameTooLarge, ProtocolError
from sluice.wire.sse import MAX_EVENT_BYTES, Frame

CLOSE = b"]"
"""What ends a stream that `encode` began."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_BRACKET_OR_QUOTE = re.compile(rb'["{}\[\]]')
_QUOTE_OR_ESCAPE = re.compile(rb'["\\]')
_QUOTE, _COMMA, _OPEN, _END = b'",[]'
_OPENING = b"{["


class JsonArrayDecoder:
    """Turn body bytes, cut anywhere, into whole elements. See `FrameDecoder`.

    Guarantee: neither the frames nor the joined `raw` depend on how the bytes were cut. Cost: O(n) in the bytes fed,
    whatever the cutting. Memory: at most `max_event_bytes` plus one chunk.
    """

    __slots__ = ("_depth", "_expected", "_held", "_max", "_quoted", "_search", "_start", "fault")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._held = bytearray()
        """Everything since the last frame."""
        self._search = 0
        """Where in `_held` to go on: no byte is looked at twice."""
        self._start = 0
        """Where in `_held` the open element begins."""
        self._depth = 0
        """Open brackets of the open element; 0 = between elements."""
        self._quoted = False
        """Inside a string of the open element."""
        self._expected = "array"
        """What has to come between elements: array, first, element, comma, nothing."""
        self.fault: ProtocolError | None = None
        """Set when an element exceeds its limit, or when this is no array. No frame follows; the caller ends the
        stream with it."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes and return the frames they complete, oldest first. Look at `fault` after each call."""
        if self.fault is not None:
            return []
        self._held += chunk
        frames: list[Frame] = []
        while self.fault is None and (self._element(frames) if self._depth else self._between(frames)):
            pass
        self._bounded(len(self._held))
        return frames

    def finish(self) -> list[Frame]:
        """Say that no byte will follow, and return what came after the array, as one frame without data."""
        if self._expected != "nothing" or not self._held or self.fault is not None:
            return []
        return [self._cut(len(self._held), None)]

    @property
    def pending(self) -> bool:
        """After `finish`: the array was not closed."""
        return self._expected != "nothing"

    def _between(self, frames: list[Frame]) -> bool:
        """Go to the next element or the end; return whether there may be more to read."""
        held = self._held
        space = _SPACE.match(held, self._search)
        self._search = at = space.end() if space else self._search
        if at == len(held) or self._expected == "nothing":
            return False
        byte, expected = held[at], self._expected
        self._search = at + 1
        if byte == _OPEN and expected == "array":
            self._expected = "first"
        elif byte == _COMMA and expected == "comma":
            self._expected = "element"
        elif byte == _END and expected in ("first", "comma"):
            self._expected = "nothing"
            if self._bounded(at + 1):
                frames.append(self._cut(at + 1, None))
        elif byte in _OPENING and expected in ("first", "element"):
            self._start, self._depth = at, 1
        else:
            self.fault = ProtocolError("the provider's stream is not a JSON array of objects")
        return True

    def _element(self, frames: list[Frame]) -> bool:
        """Go to the end of the open element; return whether it was found."""
        held = self._held
        while self._depth:
            found = (_QUOTE_OR_ESCAPE if self._quoted else _BRACKET_OR_QUOTE).search(held, self._search)
            if found is None:
                self._search = max(self._search, len(held))
                return False
            self._search = found.end()
            byte = held[found.start()]
            if byte == _QUOTE:
                self._quoted = not self._quoted
            elif self._quoted:
                self._search += 1  # the byte after a backslash, which may not be here yet
            else:
                self._depth += 1 if byte in _OPENING else -1
        self._expected = "comma"
        if self._bounded(self._search):
            frames.append(self._cut(self._search, bytes(held[self._start : self._search])))
        return True

    def _cut(self, end: int, data: bytes | None) -> Frame:
        raw = bytes(self._held[:end])
        del self._held[:end]
        self._search = 0
        return Frame(raw, data)

    def _bounded(self, size: int) -> bool:
        if size > self._max and self.fault is None:
            self.fault = FrameTooLarge(f"an element of the provider's array exceeds {self._max} bytes")
        return self.fault is None


def encode(element: bytes, *, first: bool) -> bytes:
    """Write the next element of an array; after the last one write `CLOSE`."""
    return b"[" + element if first else b",\n" + element
