"""A chunk or an answer of which something cannot be read: what of it can, and whether a client would take it for the
end. Some backends write an empty object as a list (PHP), and its usage is no reason to lose an answer.
"""

from collections.abc import Container

import msgspec

from sluice.dialects.openai_chat.schema import NULL, UNREADABLE, CompletionDetails, PromptDetails, WireUsage
from sluice.dialects.reading import leniently

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_usage = msgspec.json.Decoder(WireUsage).decode
_encode = msgspec.json.Encoder().encode
_DETAILS = {
    "prompt_tokens_details": msgspec.json.Decoder(PromptDetails).decode,
    "completion_tokens_details": msgspec.json.Decoder(CompletionDetails).decode,
}


def without_spoilt_usage(data: bytes) -> bytes | None:
    """Return the JSON without what of its usage cannot be read, None if there is no such thing. Where only details are
    spoilt the counts stay, since they are billed; without one of these the usage is unknown."""
    try:
        members = _read_members(data)
        raw = members.pop("usage", NULL)
    except UNREADABLE:
        return None
    if raw == NULL:
        return None
    try:
        usage, spoilt = leniently(_read_usage, raw)
        if not spoilt:
            return None
        if _DETAILS.keys() >= set(spoilt):
            _keep_details(usage, spoilt, _read_members(raw))
            members["usage"] = msgspec.Raw(_encode(usage))
    except UNREADABLE:
        pass  # it is no object
    return _encode(members)


def _keep_details(usage: WireUsage, spoilt: list[str], members: dict[str, msgspec.Raw]) -> None:
    for name in spoilt:
        try:
            setattr(usage, name, leniently(_DETAILS[name], members[name])[0])
        except UNREADABLE:
            continue


def finishes(data: bytes, finished: Container[int]) -> bool:
    """Whether a chunk that cannot be read has a finish reason, as far as a client could see one, of a choice that has
    none yet."""
    try:
        chunk = msgspec.json.decode(data)
    except UNREADABLE:
        return False  # no client reads it either
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    return any(_finishes(choice, finished) for choice in choices) if isinstance(choices, list) else False


def _finishes(choice: object, finished: Container[int]) -> bool:
    if not isinstance(choice, dict) or choice.get("finish_reason") in (None, ""):
        return False
    index = choice.get("index", 0)
    return not (isinstance(index, int) and index in finished)
