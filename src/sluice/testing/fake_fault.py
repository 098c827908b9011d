"""What goes wrong with one answer of the fake provider, as a value. Pure.

The same JSON stands in four places: the member `fault` of a prescription (`fake_asked`), the header `x-fake-fault`, a
rule of `sluice fake --faults FILE` (`fake_rules`), and `FakeProvider.fault(Fault(...))`. What it does to an answer is
in `fake_damage`. An event is one that the fake's writer of the dialect yields, counted from 0.

Members combine. What cannot be meant is refused here, with a sentence; what one dialect cannot do, by `refused`.
"""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET

MAX_DELAY_MS = 3_600_000
MAX_GAPS = 4096
"""Gaps in one list."""
MAX_TEXT_CHARS = 256 << 10
"""Of a message. Any client of the fake may ask."""
FRAMING = frozenset(["content-length", "transfer-encoding", "connection"])
"""Headers that the fake writes itself: false ones would be read in two ways, not in a wrong one."""

_Ms = Annotated[float, msgspec.Meta(ge=0, le=MAX_DELAY_MS)]
_Place = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARS)]
Kind = Literal["sse", "array", "frames", "whole"]
"""How an answer comes: server-sent events, Gemini's array, Amazon's binary frames, or in one piece."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class At(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where an answer ends: before an event plus some bytes into it; without `event`, so many bytes into the body."""

    event: _Place | None = None
    byte: _Place = 0


class InBand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An error inside the stream, in the dialect's own form, instead of event `at`. Nothing follows it. An answer in
    one piece is this error, with its status."""

    at: _Place = 0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    message: _Text = "The fake provider was asked to fail."


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What goes wrong with one answer; nothing, if it is empty.

    Raises:
        ValueError: two members contradict each other, or one says nothing without another.
    """

    # -- instead of the answer
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    body: object = UNSET
    """A text, or any other JSON value. Without it, the vendor's own error for `status`."""
    headers: dict[str, str] = {}
    """On top of the usual ones, or in their place."""
    content_type: str | None = None
    empty: bool = False
    """200, and no body at all."""

    # -- time
    head_delay_ms: _Ms = 0
    gap_ms: _Ms | Annotated[list[_Ms], msgspec.Meta(min_length=1, max_length=MAX_GAPS)] | None = None
    """Before each event; of a list, the last number repeats. The head then leaves before the first gap. None = as the
    fake was told at its start."""
    pings: bool = False
    """In the middle of every gap, and for ever in a stall, the dialect's own ping: an event, a comment, white space."""

    # -- the end
    at: At | None = None
    end: Literal["fin", "rst", "stall"] | None = None
    """Without `at`: before the head."""
    terminator: bool = True
    """False: the finish reason, but not what ends the stream after it."""
    finish: bool = True
    """False: no finish reason either, and a clean end of the body."""
    error: InBand | None = None

    # -- what the events are
    malformed: _Place | None = None
    """The data of this event is no JSON."""
    crc: bool = False
    """Frames only: the checksum of event `malformed`, or else of event 1, is wrong. The JSON then is right."""
    usage: bool = True
    """False: it is left out."""
    giant_bytes: Annotated[int, msgspec.Meta(ge=1, le=1 << 30)] | None = None
    """One more event whose text has this many bytes, before the finish: `fake_filler.text` of that length."""
    flood_bytes: _Count | None = None
    """Go on with text events until so many bytes of the body were written, as fast as the client reads."""

    # -- how they are written
    write_bytes: _Count | None = None
    """One write, and one chunk of HTTP, for so many bytes."""
    newline: Literal["crlf", "cr"] | None = None
    bom: bool = False
    comments: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    """Lines of comment right before the lines of each event."""
    gzip: bool = False
    """Whatever was asked for; each event is flushed."""

    tag: Annotated[str, msgspec.Meta(max_length=256)] = ""
    """To find the exchange by inspection."""

    def __post_init__(self) -> None:
        for sentence in (_instead(self), _ending(self), _order(self), _header(self)):
            if sentence:
                raise ValueError(sentence)

    @property
    def instead(self) -> bool:
        """Whether the answer is another one."""
        return self.status is not None or self.body is not UNSET

    @property
    def idle(self) -> bool:
        """Whether nothing goes wrong: at most a tag is given."""
        return self == Fault(tag=self.tag)


_SSE_ONLY = ("newline", "bom", "comments")
_WHAT = ("terminator", "finish", "error", "malformed", "crc", "usage", "giant_bytes", "flood_bytes", *_SSE_ONLY)
_WHEN = ("gap_ms", "pings", "at", "end")
_DEFAULTS = {
    field.name: field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    for field in msgspec.structs.fields(Fault)
}


def _said(fault: Fault, *names: str) -> str:
    """The first of these members that is given."""
    return next((name for name in names if getattr(fault, name) != _DEFAULTS[name]), "")


def _instead(fault: Fault) -> str:
    """What contradicts an answer that is another one, or empty."""
    if fault.instead and (other := _said(fault, *_WHEN, *_WHAT, "empty")):
        return f"`{'body' if fault.status is None else 'status'}` is instead of the answer, which `{other}` is about"
    if fault.empty and (other := _said(fault, *_WHEN, *_WHAT, "write_bytes", "gzip")):
        return f"`empty` leaves nothing for `{other}`"
    if fault.status is not None and fault.status < 400 and fault.body is UNSET:
        return "`status` below 400 needs a `body`: vendors have no error for it"
    return ""


def _ending(fault: Fault) -> str:
    """What contradicts the way an answer ends, or empty."""
    if fault.at is not None and fault.end is None:
        return "`at` says where the answer ends; `end` has to say how"
    unseen = ("gap_ms", "pings", *_WHAT, "headers", "content_type", "write_bytes", "gzip")
    if fault.end is not None and fault.at is None and (other := _said(fault, *unseen)):
        return f"without `at` the answer ends before its head: `{other}` would never be seen"
    if fault.pings and fault.end == "stall":
        if last_gap_ms(fault) == 0:
            return "`pings` in a stall need a `gap_ms` above 0"
        if fault.at is not None and (fault.at.event is None or fault.at.byte):
            return "`pings` go on in a stall between two events: `at` has to name an event, and no byte of it"
    return ""


def _order(fault: Fault) -> str:
    """What would come after the answer's end, or empty."""
    places = {"malformed": fault.malformed, "error": None if fault.error is None else fault.error.at}
    if fault.at is not None and fault.at.event is not None:
        for name, place in places.items():
            if place is not None and (fault.at.event, fault.at.byte) <= (place, 0):
                return f"the answer ends (`at`) before its `{name}` comes"
    if fault.error is not None and fault.malformed is not None and fault.malformed >= fault.error.at:
        return "nothing follows an `error`: `malformed` would never come"
    return ""


def _header(fault: Fault) -> str:
    """What cannot stand in a head, or empty."""
    given = dict(fault.headers)
    if fault.content_type is not None:
        given["content-type"] = fault.content_type
    for name, value in given.items():
        if not _TOKEN.fullmatch(name):
            return f"{name!r} is no name of a header"
        if not _VALUE.fullmatch(value):
            return f"the value of {name!r} cannot stand in a head"
        if name.lower() in FRAMING:
            return f"{name!r} is the fake's own to write: its answers are framed as HTTP asks"
    return ""


def last_gap_ms(fault: Fault) -> float:
    """Return the gap that repeats."""
    gaps = fault.gap_ms
    return (gaps[-1] if isinstance(gaps, list) else gaps) or 0.0


def refused(fault: Fault, kind: Kind) -> str:
    """Return why this fault cannot be done to an answer of this kind, as a sentence; empty = it can. In an answer in
    one piece, what belongs to streams has no effect."""
    if kind in ("array", "frames") and (name := _said(fault, *_SSE_ONLY)):
        return f"`{name}` is for server-sent events; this stream has none"
    if kind == "frames" and fault.pings:
        return "`pings` are for dialects that have some; this stream has none"
    if kind in ("sse", "array") and fault.crc:
        return "`crc` is for binary frames; this stream has none"
    return ""


_read = msgspec.json.Decoder(Fault).decode


def read(text: str | bytes) -> Fault:
    """Read a fault from JSON.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is none (see `fake_refusal.UNREADABLE`).
    """
    return _read(text)


def checked(fault: Fault) -> Fault:
    """Return a fault that was made in Python, once its values are known to be those that JSON may have.

    Raises:
        ValueError: one is not.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(fault), Fault)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
