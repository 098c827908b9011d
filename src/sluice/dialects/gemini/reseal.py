"""A history that passed through other providers, for Gemini itself: their proofs of reasoning mean nothing to it and
are taken out, its own are put back. Everything else stays byte for byte.
"""

import re

import msgspec

from sluice.chat import seal
from sluice.chat.seal import MARK, Reasoning
from sluice.dialects.gemini.members import Members, camel
from sluice.dialects.gemini.schema import MODULE_ID

_MARK = MARK.encode()
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

_SEALED_MODELS = re.compile(r"gemini-([3-9]|[1-9][0-9])\b")

UNSEALED = "skip_thought_signature_validator"
"""What a function call of another model's history carries instead of a signature: gemini-3 and later refuse calls of
the current turn without one. Source: ai.google.dev/gemini-api/docs/thought-signatures, read 2026-11-21."""


def wants_seals(model: str) -> bool:
    """Whether this is gemini-3 or later: thinking by level, and signatures of function calls are demanded."""
    return _SEALED_MODELS.search(model) is not None


def contents(raw: msgspec.Raw, *, model: str) -> msgspec.Raw:
    """Return a request's `contents` with each part fit for Gemini. They were read before.

    Raises:
        BadRequest: a part is no object.
    """
    rows: list[msgspec.Raw] = []
    for row, place in Members({"contents": raw}, "").rows("contents"):
        content = _content(row, place, model) if _MARK in bytes(row) else row
        if content is not None:
            rows.append(content)
    return msgspec.Raw(_encode(rows))


def _content(raw: msgspec.Raw, place: str, model: str) -> msgspec.Raw | None:
    """None if nothing is left of it."""
    known = Members(raw, place)
    parts: list[msgspec.Raw] = []
    for row, where in known.rows("parts"):
        part = _part(row, where, model) if _MARK in bytes(row) else row
        if part is not None:
            parts.append(part)
    if not parts:
        return None
    members: dict[str, object] = {
        name: parts if camel(name) == "parts" else value for name, value in _read_members(raw).items()
    }
    return msgspec.Raw(_encode(members))


def _part(raw: msgspec.Raw, place: str, model: str) -> msgspec.Raw | None:
    known = Members(raw, place)
    members = dict(_read_members(raw))
    sealed = known.text("thoughtSignature") or ""
    found: tuple[Reasoning, ...] = seal.unpack(sealed) or () if sealed else ()
    if found:
        members = {name: value for name, value in members.items() if camel(name) != "thoughtSignature"}
    for kind in ("functionCall", "functionResponse"):
        if (call := known.object(kind)) is not None:
            found += _restore_id(members, kind, call)
    own = next((p.seal.data for p in found if p.seal is not None and p.seal.origin == MODULE_ID), None)
    unsealed = "thoughtSignature" not in map(camel, members)
    if own is not None and unsealed and "functionResponse" not in known:
        members["thoughtSignature"] = msgspec.Raw(_encode(own))
    elif "functionCall" in known and unsealed and found and wants_seals(model):
        members["thoughtSignature"] = msgspec.Raw(_encode(UNSEALED))
    elif found and known.text("text") == "":
        return None  # it was there for the token alone
    return msgspec.Raw(_encode(members))


def _restore_id(members: dict[str, msgspec.Raw], kind: str, call: Members) -> tuple[Reasoning, ...]:
    """Give a call or its result the id that the provider knows; return the reasoning that the id carried."""
    bare, found = seal.split_id(call.text("id") or "")
    if found:
        name = next(name for name in members if camel(name) == kind)
        inner = _read_members(members[name])
        members[name] = msgspec.Raw(_encode(inner | {"id": msgspec.Raw(_encode(bare))}))
    return found
