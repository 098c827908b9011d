"""What the vocabulary has no word for: unknown members of a chunk, kept raw for a client of the same dialect, and the
names of parts of unknown kinds. Both cost a second decode of the chunk."""

import msgspec

from sluice.chat.events import Event, Leftover, Place
from sluice.dialects.gemini.schema import KNOWN_CANDIDATE, KNOWN_PART, KNOWN_TOP
from sluice.dialects.reading import NULL, UNREADABLE

_Members = dict[str, msgspec.Raw]


class _Parts(msgspec.Struct):
    parts: list[_Members] | None = None


class _Candidate(msgspec.Struct):
    content: _Parts | None = None


class _Chunk(msgspec.Struct):
    candidates: list[_Candidate] | None = None


def _on_one_line(raw: msgspec.Raw) -> msgspec.Raw:
    """An array's elements are pretty-printed, and an event has one line."""
    return msgspec.Raw(msgspec.json.format(raw, indent=-1)) if b"\n" in bytes(raw) else raw.copy()


class _RawParts(msgspec.Struct):
    parts: list[msgspec.Raw] | None = None


class _RawCandidate(msgspec.Struct):
    content: _RawParts | None = None


class _RawChunk(msgspec.Struct):
    candidates: list[_RawCandidate] | None = None


SOURCES = frozenset(["groundingMetadata", "citationMetadata"])
_READ_AND_KEPT = SOURCES | {"promptFeedback"}
"""Members that are read, and of which the vocabulary has words for a part only."""
_read_members = msgspec.json.Decoder(_Members).decode
_read_rows = msgspec.json.Decoder(list[_Members]).decode
_read_chunk = msgspec.json.Decoder(_Chunk).decode
_read_raw_parts = msgspec.json.Decoder(_RawChunk).decode


def read(data: bytes) -> list[Event]:
    """Return the members of a chunk that the schema does not name. The chunk was read by the schema before.

    Raises:
        UnicodeDecodeError: a member's name is not UTF-8.
    """
    events: list[Event] = []
    top = _read_members(data)
    _keep_unknown(top, KNOWN_TOP, "", 0, events)
    candidates = top.get("candidates", NULL)
    for candidate in () if candidates == NULL else _read_rows(candidates):
        index = int(bytes(candidate.get("index", b"0")))
        _keep_unknown(candidate, KNOWN_CANDIDATE, "choice", index, events)
    return events


def _keep_unknown(members: _Members, known: frozenset[str], place: Place, index: int, events: list[Event]) -> None:
    fields = {name: _on_one_line(raw) for name, raw in members.items() if name not in known or name in _READ_AND_KEPT}
    if fields:
        events.append(Leftover(place, index, fields))


def nothing(data: bytes) -> bool:
    """Whether a chunk that was read before says nothing: `{}`, or no candidate and what each chunk repeats."""
    try:
        members = _read_members(data)
    except UNREADABLE:  # a member's name is not UTF-8: it is one all the same
        return False
    candidates = members.pop("candidates", NULL)
    names = ("modelVersion", "responseId", "createTime")
    said = [name for name, raw in members.items() if name not in names and raw != NULL]
    return (candidates == NULL or not _read_rows(candidates)) and not said


def part(data: bytes, candidate: int, number: int) -> tuple[list[str], msgspec.Raw]:
    """Return one part, raw, and the names of its members that the schema does not know. See `kinds_of_part`."""
    candidates = _read_raw_parts(data).candidates or []
    content = candidates[candidate].content
    raw = content.parts[number] if content is not None and content.parts is not None else NULL
    return [name for name in _read_members(raw) if name not in KNOWN_PART], raw.copy()


def kinds_of_part(data: bytes, candidate: int, part: int) -> list[str]:
    """Return the names of the members of one part that the schema does not know, by the positions of the candidate
    and the part in a chunk that was read before."""
    candidates = _read_chunk(data).candidates or []
    content = candidates[candidate].content
    members = content.parts[part] if content is not None and content.parts is not None else {}
    return [name for name in members if name not in KNOWN_PART]
