"""An answer and a fault to a script: what is left of the events, when each leaves, how it is written, how it ends.

Pure. Every step is a generator: nothing is made before the client has room for it, so that an answer of any length
takes little memory. Each step takes the items of the one before:

    events -> edited -> timed (gaps, pings, comments, the end at an event) -> gzip -> the end at a byte -> writes
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count

import msgspec

from sluice.testing import fake_anatomy, fake_filler
from sluice.testing.fake_doors import Vendor
from sluice.testing.fake_fault import Fault, InBand, Kind, last_gap_ms
from sluice.testing.fake_filler import Flood
from sluice.testing.fake_messages import PING
from sluice.testing.fake_script import EVENT, Item, Mark, Pause, Script, first_bytes, paced
from sluice.wire.http1 import Header

BOM = b"\xef\xbb\xbf"
COMMENT = b": the fake provider says nothing\n"
_PINGS: dict[Kind, bytes] = {"sse": b": ping\n\n", "array": b"\n"}
_ENDS_OF_LINE = {"crlf": b"\r\n", "cr": b"\r"}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An answer before anything goes wrong with it."""

    vendor: Vendor
    kind: Kind
    events: Iterable[bytes]
    """Of a whole answer, its body."""
    headers: Sequence[Header]
    status: int = 200
    first_s: float = 0.0
    gap_s: float = 0.0
    together: int = 1
    """How many events leave with the first token, that one included."""
    fail: Callable[[InBand], bytes] | None = None
    """Writes an error in the place of the next event. None = no error can be in it."""
    flood: Flood | None = None


def script(draft: Draft, fault: Fault) -> Script:
    """Return what is played. A draft makes one script."""
    if fault.idle:
        return _undamaged(draft)
    headers = _headers(draft.headers, fault)
    delay = [Pause(fault.head_delay_ms / 1000)] if fault.head_delay_ms else []
    if fault.end is not None and fault.at is None:
        return Script(chunks=delay, status=draft.status, headers=headers, end=fault.end)
    if fault.empty:
        return Script(chunks=[*delay, b""], status=draft.status, headers=headers, length=0)
    body = b"" if draft.kind != "whole" else b"".join(event for _, event in _edited(draft, fault))
    events = _edited(draft, fault) if draft.kind != "whole" else iter([(0, body)])
    items = _timed(events, draft, fault)
    if fault.gzip:
        items = _compressed(items, whole=fault.end is None)
    if fault.at is not None and fault.at.event is None:
        items = first_bytes(items, fault.at.byte)
    if fault.write_bytes is not None:
        items = _split(items, fault.write_bytes)
    length = fake_filler.length(body) if draft.kind == "whole" and not fault.gzip else None
    end = fault.end or "finish"
    chunks = chain(delay, items)
    return Script(chunks=chunks, status=draft.status, headers=headers, length=length, end=end, marked=True)


def _undamaged(draft: Draft) -> Script:
    if draft.kind != "whole":
        chunks = paced(draft.events, draft.first_s, draft.gap_s, draft.together)
        return Script(chunks=chunks, status=draft.status, headers=draft.headers)
    body = b"".join(draft.events)
    waiting = [Pause(draft.first_s)] if draft.first_s else []
    return Script(chunks=[*waiting, body], status=draft.status, headers=draft.headers, length=len(body))


def _headers(usual: Sequence[Header], fault: Fault) -> list[Header]:
    own = {name.lower().encode(): value.encode("latin-1") for name, value in fault.headers.items()}
    if fault.content_type is not None:
        own[b"content-type"] = fault.content_type.encode("latin-1")
    if fault.gzip:
        own[b"content-encoding"] = b"gzip"
    return [*((name, value) for name, value in usual if name not in own), *own.items()]


# -- what the events are ----------------------------------------------------------------------------------------------


def _edited(draft: Draft, fault: Fault) -> Iterator[tuple[int, bytes]]:
    """Yield what is left of the events, each with its number."""
    events, over = iter(draft.events), False
    for number in count():
        if fault.error is not None and number == fault.error.at and draft.fail is not None and not over:
            yield number, _lined(draft.fail(fault.error), draft, fault)
            return
        raw = next(events, None)
        if raw is None:
            return
        if draft.flood is not None:
            draft.flood.wrote(len(raw))
        event = fake_anatomy.opened(raw, draft.vendor, draft.kind)
        over = event.ends
        left = _left(event, number, fault)
        if left is not None:
            yield number, _lined(left, draft, fault)


def _left(event: fake_anatomy.Event, number: int, fault: Fault) -> bytes | None:
    """What is left of one event."""
    whole = event.kind == "whole"
    if (event.ends and not fault.terminator and not whole) or not (raw := _less(event, fault)):
        return None
    if fault.crc and event.kind == "frames":
        broken = 1 if fault.malformed is None else fault.malformed
        return fake_anatomy.with_wrong_checksum(raw) if number == broken else raw
    if fault.malformed is not None and (number == fault.malformed or whole):
        return fake_anatomy.opened(raw, event.vendor, event.kind).malformed()
    return raw


def _less(event: fake_anatomy.Event, fault: Fault) -> bytes | None:
    """An event without what is to be left out."""
    raw: bytes | None = event.raw
    if not fault.finish:
        raw = event.without_finish()
    if raw is not None and not fault.usage:
        raw = fake_anatomy.opened(raw, event.vendor, event.kind).without_usage()
    return raw


def _lined(event: bytes, draft: Draft, fault: Fault) -> bytes:
    """An event with other ends of lines."""
    if fault.newline is None or draft.kind != "sse":
        return event
    return event.replace(b"\r\n", b"\n").replace(b"\n", _ENDS_OF_LINE[fault.newline])


# -- when they leave --------------------------------------------------------------------------------------------------


def _timed(events: Iterator[tuple[int, bytes]], draft: Draft, fault: Fault) -> Iterator[Item]:
    """Yield the bytes of the events and the pauses between them, up to the event at which the answer ends."""
    at = None if fault.at is None else fault.at.event
    ping = _lined(PING if draft.vendor == "messages" else _PINGS.get(draft.kind, b""), draft, fault)
    if not fault.pings or draft.kind == "whole":
        ping = b""
    if fault.head_delay_ms or fault.gap_ms is not None or fault.at is not None or ping:
        yield b""  # the head, by itself
    frames = draft.kind == "frames"
    for number, event in events:
        yield from _gap(_gap_s(number, draft, fault), ping if number or draft.vendor != "messages" else b"")
        before = _before(number, draft, fault)
        pieces = fake_filler.expanded_frame(event) if frames else fake_filler.expanded(event)
        if at is not None and number >= at:
            assert fault.at is not None
            if number == at and fault.at.byte:
                yield before
                yield from first_bytes(pieces, fault.at.byte)
            break
        if before:
            yield before
        yield from pieces
        yield EVENT
    if ping and fault.end == "stall":
        while True:
            yield Pause(last_gap_ms(fault) / 1000)
            yield ping


def _gap_s(number: int, draft: Draft, fault: Fault) -> float:
    """Seconds before an event."""
    if draft.flood is not None and draft.flood.flows:
        return 0.0
    match fault.gap_ms:
        case None:
            return draft.first_s if number == 0 else draft.gap_s if number >= draft.together else 0.0
        case list(gaps):
            return gaps[min(number, len(gaps) - 1)] / 1000
        case gap:
            return gap / 1000


def _gap(seconds: float, ping: bytes) -> Iterator[Item]:
    halves = 2 if ping else 1
    if seconds > 0:
        yield Pause(seconds / halves)
    if ping:
        yield ping
        if seconds > 0:
            yield Pause(seconds / halves)


def _before(number: int, draft: Draft, fault: Fault) -> bytes:
    """What stands right before the lines of an event."""
    if draft.kind != "sse":
        return b""
    bom = BOM if fault.bom and number == 0 else b""
    return bom + _lined(COMMENT * fault.comments, draft, fault)


# -- how they are written ---------------------------------------------------------------------------------------------


def _compressed(items: Iterator[Item], *, whole: bool) -> Iterator[Item]:
    """Yield the items as gzip, flushed after each event and before each pause. `whole`: it ends as gzip does."""
    gzip = zlib.compressobj(wbits=31)
    held = False
    for item in items:
        if isinstance(item, bytes):
            held = held or bool(item)
            yield gzip.compress(item) if item else item
            continue
        if held:
            yield gzip.flush(zlib.Z_SYNC_FLUSH)
            held = False
        yield item
    if whole or held:
        yield gzip.flush(zlib.Z_FINISH if whole else zlib.Z_SYNC_FLUSH)


def _split(items: Iterator[Item], size: int) -> Iterator[Item]:
    """Yield the items with bytes in pieces of `size`, a turn of the event loop between any two."""
    for item in items:
        if isinstance(item, Mark | Pause) or not item:
            yield item
            continue
        for start in range(0, len(item), size):
            yield item[start : start + size]
            yield Pause(0.0)
