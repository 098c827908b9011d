"""The server-sent events of a body, read whole and strictly, each stamped with the second in which it was complete.

Pure. Never shared with `sluice.wire`. Obeys: WHATWG HTML 9.2.5 and 9.2.6 (read 2026-11-21), and is stricter where a
gateway has no excuse: a line that is no field, bytes that are no UTF-8 and an event without its empty line are said.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_FIELDS = frozenset([b"data", b"event", b"id", b"retry"])
BOM = b"\xef\xbb\xbf"


class SseEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event."""

    at: float
    """When its empty line came."""
    name: str
    data: bytes


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What says nothing: a comment, or an empty line that ends no event."""

    at: float
    text: bytes
    """With the colon; empty = an empty line."""
    inside: bool
    """Between the lines of an event."""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A whole body."""

    events: tuple[SseEvent, ...]
    beats: tuple[Beat, ...]
    dangling: bytes
    """What follows the last empty line and is no comment: part of an event that never became one."""
    faults: tuple[str, ...]


class _Event:
    """The lines of one event so far."""

    def __init__(self) -> None:
        self.name = ""
        self.data: list[bytes] = []
        self.lines = 0


def read(pieces: Sequence[tuple[float, bytes]]) -> Stream:
    """Read a body. `pieces`: its bytes, cut anywhere, each with the second in which it came. O(n) in the bytes."""
    body = b"".join(piece for _, piece in pieces)
    clock = _Clock(pieces)
    events: list[SseEvent] = []
    beats: list[Beat] = []
    faults: list[str] = []
    current, event_start, end = _Event(), 0, 0
    for line, end in _lines(body):
        if line.startswith(b":"):
            beats.append(Beat(at=clock.at(end), text=line, inside=current.lines > 0))
        elif line:
            current.lines += 1
            _field(line, current, faults)
            continue
        elif current.lines == 0:
            beats.append(Beat(at=clock.at(end), text=b"", inside=False))
        else:
            if current.data:
                data = b"\n".join(current.data)
                _check(data, faults)
                events.append(SseEvent(at=clock.at(end), name=current.name, data=data))
            current = _Event()
        if current.lines == 0:
            event_start = end
    dangling = body[event_start:] if current.lines else body[end:]
    return Stream(events=tuple(events), beats=tuple(beats), dangling=dangling, faults=tuple(faults))


class _Clock:
    """When the byte before an offset came."""

    def __init__(self, pieces: Sequence[tuple[float, bytes]]) -> None:
        self._times = [at for at, _ in pieces]
        self._ends = list(accumulate(len(piece) for _, piece in pieces))

    def at(self, end: int) -> float:
        return self._times[bisect_left(self._ends, end)]


def _lines(body: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each line that ends, and the offset behind its end."""
    start = len(BOM) if body.startswith(BOM) else 0
    for found in _END_OF_LINE.finditer(body, start):
        yield body[start : found.start()], found.end()
        start = found.end()


def _field(line: bytes, current: _Event, faults: list[str]) -> None:
    name, _, value = line.partition(b":")
    value = value[1:] if value.startswith(b" ") else value
    if name not in _FIELDS:
        faults.append(f"a line is no field of an event: {shown(line)}")
    elif name == b"data":
        current.data.append(value)
    elif name == b"event":
        current.name = value.decode("utf-8", "replace")


def _check(data: bytes, faults: list[str]) -> None:
    try:
        data.decode()
    except UnicodeDecodeError:
        faults.append(f"an event is not UTF-8: {shown(data)}")


def shown(data: bytes, most: int = 80) -> str:
    """Bytes as a sentence may quote them."""
    text = data[: most + 1].decode("utf-8", "backslashreplace").replace("\r", "\\r").replace("\n", "\\n")
    return f"“{text[:most]}…”" if len(text) > most else f"“{text}”"
