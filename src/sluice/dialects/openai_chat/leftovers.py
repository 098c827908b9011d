"""Members of a chunk or an answer that the schema does not name: kept raw, for a client of the same dialect."""

import msgspec

from sluice.chat.events import Event, Leftover, Place
from sluice.dialects.openai_chat.schema import KNOWN_CHOICE, KNOWN_DELTA, KNOWN_TOP, NULL, UNREADABLE

_read_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NOT_KEPT = KNOWN_TOP | {"obfuscation"}
"""Random padding hides the length of the provider's own chunk, and of no other."""
_OF_EVERY_CHUNK = _NOT_KEPT | {"system_fingerprint", "service_tier", "provider"}
"""Members that every chunk repeats, or that say nothing."""
_NOTHING = msgspec.Raw(b'""')
_read_raws = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def leftovers(data: bytes, told: dict[str, msgspec.Raw] | None = None) -> list[Event]:
    """The members of a chunk that the schema does not name, raw. The chunk was read by the schema before.

    `told`: members of the answer itself that were kept of earlier chunks; what is said again is not kept again, and
    what is new is noted there. Most chunks repeat all of them.

    Raises:
        UnicodeDecodeError: a member's name is not UTF-8.
    """
    events: list[Event] = []
    top = _read_raw(data)
    told = {} if told is None else told
    fields = {name: raw.copy() for name, raw in top.items() if name not in _NOT_KEPT and told.get(name) != raw}
    if fields:
        told |= fields
        events.append(Leftover("", 0, fields))
    choices = top.get("choices", NULL)
    for choice in () if choices == NULL else _read_raws(choices):
        index = int(bytes(choice.get("index", b"0")))
        _keep_unknown(choice, KNOWN_CHOICE, "choice", index, events)
        for name in ("delta", "message"):
            if choice.get(name, NULL) != NULL:
                _keep_unknown(_read_raw(choice[name]), KNOWN_DELTA, "delta", index, events)
    return events


def _keep_unknown(
    members: dict[str, msgspec.Raw], known: frozenset[str], place: Place, index: int, events: list[Event]
) -> None:
    fields = {name: raw.copy() for name, raw in members.items() if name not in known}
    if fields:
        events.append(Leftover(place, index, fields))


def nothing_but_usage(data: bytes) -> bool:
    """Whether a chunk has no member that says anything beside its usage. It was read before. OpenRouter's has a choice,
    with an empty delta."""
    try:
        members = _read_raw(data)
        choices = members.pop("choices", NULL)
        beside = choices != NULL and any(map(_says_something, _read_raws(choices)))
    except UNREADABLE:  # a member's name is not UTF-8: it is one all the same
        return False
    return not beside and _of_every_chunk(members)


def nothing(data: bytes) -> bool:
    """Whether a chunk that was read before, and has no usage, says nothing: `{}`, or no choice and what each chunk
    repeats. A choice with an empty delta is the model's own step."""
    try:
        members = _read_raw(data)
    except UNREADABLE:  # as above
        return False
    choices = members.pop("choices", NULL)
    return (choices == NULL or not _read_raws(choices)) and _of_every_chunk(members)


def _of_every_chunk(members: dict[str, msgspec.Raw]) -> bool:
    return all(name in _OF_EVERY_CHUNK or raw == NULL for name, raw in members.items())


def _says_something(choice: dict[str, msgspec.Raw]) -> bool:
    delta = choice.pop("delta", NULL)
    members = {} if delta == NULL else _read_raw(delta)
    said = [raw for name, raw in members.items() if name != "role"]
    said += [raw for name, raw in choice.items() if name != "index"]
    return any(raw not in (NULL, _NOTHING) for raw in said)
