"""Takes out of a request what belongs to other providers, before it goes to one of this dialect as it is.

Reasoning that another provider sealed travels in `encrypted_content` and in the ids of tool calls (`chat.seal`); this
provider would refuse it. All else in the input keeps its bytes.
"""

import msgspec

from sluice.chat.seal import MARK, Reasoning, split_id, unpack
from sluice.dialects.openai_responses.schema import MODULE_ID
from sluice.dialects.reading import UNREADABLE

_read_items = msgspec.json.Decoder(str | list[msgspec.Raw] | None).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode
_MARK = MARK.encode()


def without(raw: msgspec.Raw) -> msgspec.Raw:
    """Return the input without the tokens in it. What was this provider's own comes back as it was."""
    items = _read_items(raw)
    if not isinstance(items, list):
        return raw
    kept: list[msgspec.Raw] = []
    for item in items:
        kept += _patched(item) if _MARK in bytes(item) else [item]
    return msgspec.Raw(_encode(kept))


def _patched(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """One item; reasoning of others is none, and a call may bring its own reasoning along."""
    try:
        members = _read_members(raw)
        kind = _text(members, "type")
    except UNREADABLE:
        return [raw]
    if kind == "reasoning":
        return _reasoning(raw, members)
    before: list[msgspec.Raw] = []
    changed: dict[str, msgspec.Raw] = {}
    for name in ("call_id", "id"):
        said = _text(members, name)
        bare, parts = split_id(said)
        if bare != said:
            changed[name] = msgspec.Raw(_encode(bare))
            before += [] if kind.endswith("_output") else own_items(parts)
    return [*before, msgspec.Raw(_encode(members | changed))] if changed else [raw]


def _reasoning(raw: msgspec.Raw, members: dict[str, msgspec.Raw]) -> list[msgspec.Raw]:
    parts = unpack(_text(members, "encrypted_content"))
    if parts is None:
        return [raw]
    own = [part.seal for part in parts if part.seal is not None and part.seal.origin == MODULE_ID]
    if not own:
        return []
    changed = {"encrypted_content": msgspec.Raw(_encode(own[0].data))}
    if own[0].id:
        changed["id"] = msgspec.Raw(_encode(own[0].id))
    return [msgspec.Raw(_encode(members | changed))]


def own_items(parts: tuple[Reasoning, ...]) -> list[msgspec.Raw]:
    """Return the items of this provider's own reasoning among these parts."""
    return [
        msgspec.Raw(_encode(item(part))) for part in parts if part.seal is not None and part.seal.origin == MODULE_ID
    ]


def item(part: Reasoning) -> dict[str, object]:
    """Return reasoning with a seal of this dialect as the item it was."""
    assert part.seal is not None
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    known = {"id": part.seal.id} if part.seal.id else {}
    return {"type": "reasoning", **known, "summary": summary, "encrypted_content": part.seal.data}


def _text(members: dict[str, msgspec.Raw], name: str) -> str:
    try:
        return _read_text(members[name])
    except (KeyError, *UNREADABLE):
        return ""
