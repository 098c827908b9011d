"""Other providers' proofs, taken out of a request before Anthropic sees it.

An answer of another provider reaches a client of this API with its reasoning's proofs as tokens of `chat.seal`, where
a signature stands or inside a tool call's id. If the conversation then goes on at Anthropic itself, they mean nothing
there and are refused as forged. Here they are taken out of the client's own bytes, block by block; whatever is not
understood stays as it is, for the provider to judge.
"""

import msgspec

from sluice.chat.seal import MARK, Reasoning, split_id, unpack
from sluice.dialects.anthropic_messages.parts import sealed_block
from sluice.dialects.anthropic_messages.schema import MODULE_ID
from sluice.dialects.reading import UNREADABLE
from sluice.dialects.writing import quote, to_json

_Members = dict[str, msgspec.Raw]
_MARK = MARK.encode()
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_members = msgspec.json.Decoder(_Members).decode
_read_str = msgspec.json.Decoder(str).decode


def held_by(body: bytes) -> bool:
    """Whether there may be a token in it. Cost: one search."""
    return _MARK in body


def taken_out(messages: msgspec.Raw) -> msgspec.Raw:
    """Return the messages without other providers' proofs. A message of which nothing is left goes too."""
    kept = [_message(raw) for raw in _read_list(messages)]
    return msgspec.Raw(to_json([raw for raw in kept if raw is not None]))


def _message(raw: msgspec.Raw) -> msgspec.Raw | None:
    if not held_by(bytes(raw)):
        return raw
    try:
        message = _read_members(raw)
        blocks = _read_list(message["content"])
    except (*UNREADABLE, KeyError):
        return raw  # a plain text, or no message at all
    kept = [new for block in blocks for new in _block(block)]
    if not kept:
        return None
    return msgspec.Raw(to_json(message | {"content": kept}))


def _block(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return what becomes of a block: itself, another, several or none."""
    if not held_by(bytes(raw)):
        return [raw]
    try:
        block = _read_members(raw)
        match _read_str(block["type"]):
            case "thinking":
                return _proof(raw, block, "signature")
            case "redacted_thinking":
                return _proof(raw, block, "data")
            case "tool_use":
                return _call(block)
            case "tool_result":
                bare, _ = split_id(_read_str(block["tool_use_id"]))
                return [_patched(block, "tool_use_id", bare)]
            case "text":
                return [_uncited(block)]
    except (*UNREADABLE, KeyError):
        pass
    return [raw]


def _proof(raw: msgspec.Raw, block: _Members, member: str) -> list[msgspec.Raw]:
    token = _read_str(block[member])
    if not token.startswith(MARK):
        return [raw]
    known = unpack(token) or ()
    text = _read_str(block["thinking"]) if "thinking" in block else ""
    return _own([Reasoning(part.text or text, part.seal) for part in known])


def _own(parts: list[Reasoning]) -> list[msgspec.Raw]:
    own = [part for part in parts if part.seal is not None and part.seal.origin == MODULE_ID]
    return [msgspec.Raw(to_json(sealed_block(part.text, part.seal))) for part in own if part.seal is not None]


def _call(block: _Members) -> list[msgspec.Raw]:
    bare, reasoning = split_id(_read_str(block["id"]))
    return [*_own(list(reasoning)), _patched(block, "id", bare)]


def _patched(block: _Members, member: str, text: str) -> msgspec.Raw:
    return msgspec.Raw(to_json(block | {member: msgspec.Raw(quote(text))}))


def _uncited(block: _Members) -> msgspec.Raw:
    """Take out the citations that another provider gave: Anthropic wants its own proof with each."""
    if "citations" not in block or bytes(block["citations"]) == b"null":
        return msgspec.Raw(to_json(block))
    kept = [raw for raw in _read_list(block["citations"]) if not _foreign(_read_members(raw))]
    rest = {name: raw for name, raw in block.items() if name != "citations"}
    return msgspec.Raw(to_json(rest | {"citations": kept} if kept else rest))


def _foreign(citation: _Members) -> bool:
    index = citation.get("encrypted_index")
    return index is not None and _read_str(index).startswith(MARK)
