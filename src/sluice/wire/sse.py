"""Server-sent events, bytes to frames and back.

Never imports asyncio, never blocks, never logs. Knows nothing of LLMs: `[DONE]` is a dialect's business.
Obeys: WHATWG HTML, 9.2.5 and 9.2.6 (read 2026-11-21). Departures, each with a test in tests/wire/test_sse.py:

- A frame keeps its original bytes (`raw`), so that a stream can be mirrored exactly: the `raw` of all frames,
  joined, is what was fed, but for what was still incomplete at the end.
- A comment between events is a frame of its own (`data is None`), so that it can be passed on at once.
- An event whose lines end in CRLF is complete with its last LF, not with the CR before it: no byte of it is left
  behind.
- `data` stays bytes: invalid UTF-8 is for the reader of the data to refuse, not replaced by U+FFFD.
- An event is bounded: beyond `max_event_bytes` the decoder raises.
"""

import re
from collections.abc import Iterable

import msgspec

from sluice.errors import FrameTooLarge, ProtocolError

MAX_EVENT_BYTES = 16 << 20
"""Largest single event. Bounds memory per stream; base64 images need megabytes: raise it per backend, not here."""

BOM = b"\xef\xbb\xbf"
_EOL = re.compile(rb"\r\n?|\n")
_CR = 0x0D


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One block of a stream, up to and including the line end that completes it."""

    raw: bytes
    """The bytes as they came, line ends included."""
    data: bytes | None
    """The `data` lines joined by LF; None when the block holds none (a comment, a lone `retry`): nothing is
    dispatched."""
    event: str = ""
    """The event's name; empty = `message`."""
    id: str | None = None
    """The last event id that this block sets; None = unchanged."""
    retry: int | None = None
    """Reconnection time in milliseconds that this block sets."""


class SseDecoder:
    """Turn body bytes, cut anywhere, into whole frames.

    Guarantee: neither the events nor the joined `raw` depend on how the bytes were cut. Cost: O(n) in the bytes fed,
    whatever the cutting. Memory: at most `max_event_bytes` plus one chunk.
    """

    __slots__ = ("_block", "_clean", "_held", "_line", "_max", "_search", "_started", "fault")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._held = bytearray()
        """The block that is not complete yet, from its first byte."""
        self._line = 0
        """Where in `_held` the unfinished line begins."""
        self._search = 0
        """Where in `_held` to look for its end: no byte is looked at twice."""
        self._block = _Block()
        self._started = False
        """Whether the question of the byte order mark is settled."""
        self._clean = False
        """Nothing is pending: the next byte begins a block."""
        self.fault: ProtocolError | None = None
        """Set when an event exceeds its limit. No frame follows; the caller ends the stream with it."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes and return the frames they complete, oldest first. Look at `fault` after each
        call."""
        if self._clean and len(chunk) <= self._max and chunk.endswith(b"\n\n") and b"\r" not in chunk:
            if chunk.startswith(b"data: ") and chunk.find(b"\n") == len(chunk) - 2:
                return [Frame(chunk, chunk[6:-2])]
            if chunk.startswith(b"event: "):
                eol = chunk.find(b"\n")
                if chunk.startswith(b"data: ", eol + 1) and chunk.find(b"\n", eol + 7) == len(chunk) - 2:
                    return [Frame(chunk, chunk[eol + 7 : -2], chunk[7:eol].decode("utf-8", "replace"))]
            frames = _whole_events(chunk)
            if frames is not None:
                return frames
        if self.fault is not None:
            return []
        self._held += chunk
        return self._scan(at_end=False)

    def finish(self) -> list[Frame]:
        """Say that no byte will follow, and return the frame that only waited to see one (its last byte is a CR).

        An unfinished event is dropped, as the standard demands.
        """
        return self._scan(at_end=True)

    @property
    def pending(self) -> bool:
        """After `finish`: the body ended inside an event. Half a comment is none."""
        tail = self._held[self._line :].strip()
        return not self._block.empty or (bool(tail) and not tail.startswith(b":"))

    def _scan(self, *, at_end: bool) -> list[Frame]:
        held, frames = self._held, []
        if not self._started and not self._skip_bom(at_end):
            return []
        while self.fault is None and (eol := _EOL.search(held, self._search)) is not None:
            start, end = eol.span()
            if end == len(held) and held[-1] == _CR and not at_end and self._must_wait(blank=start == self._line):
                self._search = start
                break
            line = bytes(held[self._line : start])
            self._line = self._search = end
            self._block.crlf |= end - start == 2
            if self._block.take(line) and not self._too_large(end):
                frames.append(self._block.frame(bytes(held[:end])))
                del held[:end]
                self._line = self._search = 0
                self._block = _Block()
        else:
            self._search = len(held)
        self._too_large(len(held))
        self._clean = not held
        return frames

    def _must_wait(self, *, blank: bool) -> bool:
        """Whether a CR at the end of what is known must wait for the next byte, perhaps an LF.

        Only the blank line after an event whose lines end in a bare CR need not: waiting there would hold each event of
        such a stream until the next one comes.
        """
        return not blank or self._block.empty or self._block.crlf

    def _skip_bom(self, at_end: bool) -> bool:
        if len(self._held) < len(BOM) and BOM.startswith(self._held) and not at_end:
            return False
        self._started = True
        if self._held.startswith(BOM):
            self._line = self._search = len(BOM)
        return True

    def _too_large(self, size: int) -> bool:
        if size > self._max:
            self.fault = FrameTooLarge(f"an event of the provider exceeds {self._max} bytes")
        return size > self._max


class _Block:
    """The fields of the block being read (WHATWG 9.2.6, "interpret an event stream")."""

    __slots__ = ("crlf", "data", "empty", "event", "id", "retry")

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.event = ""
        self.id: str | None = None
        self.retry: int | None = None
        self.crlf = False
        self.empty = True

    def take(self, line: bytes) -> bool:
        """Take a line without its end; return whether it completes the block."""
        if not line or (self.empty and line.startswith(b":")):
            return True
        self.empty = False
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self.data.append(value)
            case b"event":
                self.event = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self.id = value.decode("utf-8", "replace")
            case b"retry" if value.isdigit() and len(value) < 10:
                self.retry = int(value)
        return False

    def frame(self, raw: bytes) -> Frame:
        return Frame(raw, b"\n".join(self.data) if self.data else None, self.event, self.id, self.retry)


def _whole_events(chunk: bytes) -> list[Frame] | None:
    """Read a chunk of whole events as providers write them: LF, at most one `event` line, one `data` line each.

    Return None if anything in it looks otherwise; the general scan then gives the answer.
    """
    frames = []
    for part in chunk[:-2].split(b"\n\n"):
        name, eol, data = part.partition(b"\n")
        if not eol:
            data, name = name, b""
        elif not name.startswith(b"event: "):
            return None
        if not data.startswith(b"data: ") or b"\n" in data:
            return None
        frames.append(Frame(part + b"\n\n", data[6:], name[7:].decode("utf-8", "replace")))
    return frames


def encode(data: bytes, event: str = "") -> bytes:
    """Write one event with LF line ends. Any text survives: a line end inside `data` becomes a second `data` line.

    Raises:
        ValueError: `event` holds CR, LF or NUL, which would let its author write frames of their own.
    """
    if any(c in event for c in "\r\n\0"):
        raise ValueError("an event's name cannot hold CR, LF or NUL")
    head = b"event: %b\n" % event.encode() if event else b""
    if b"\n" not in data and b"\r" not in data:
        return b"%bdata: %b\n\n" % (head, data)
    return head + b"".join(b"data: %b\n" % line for line in _EOL.split(data)) + b"\n"


def comment(text: str = "") -> bytes:
    """Write a comment of one line: what keeps a connection alive and no parser dispatches."""
    return b": %b\n\n" % _EOL.sub(b" ", text.encode())


def events(frames: Iterable[Frame]) -> list[tuple[str, bytes]]:
    """The dispatched events alone, as (name, data): what a browser's EventSource would see."""
    return [(f.event or "message", f.data) for f in frames if f.data is not None]
