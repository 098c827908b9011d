"""Opaque proofs of reasoning, and how they cross dialects that have no place for them.

A provider that reasons hands out a proof (Anthropic's signatures, Gemini's thought signatures, Responses' encrypted
content) and wants it back, byte for byte, with the next turn. A `Seal` is that proof and who wrote it. Where the client
speaks another dialect, reasoning travels as a token (`pack`) inside a member that every client sends back: a signature
of its own dialect, or the id of a tool call. Nothing is stored; any replica can read it.

A token holds `[A-Za-z0-9_-]` only, begins with `MARK` in any case, and is valid base64 in both alphabets' readers.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from typing import Literal

import msgspec

SealKind = Literal["reasoning", "redacted", "call", "text"]
"""What a seal belongs to: the reasoning before it; reasoning of which nothing else is shown; the tool call after it;
the text before it."""

MARK = "c2x1aWNlLzEu"
"""The beginning of every token: `sluice/1.` in base64. A body without it holds no token."""
MAX_UNPACKED_BYTES = 4 << 20
"""What one token may hold. A longer one is nobody's."""
MAX_UNPACKED_PARTS = 100
"""Reasoning in one token: what was thought before one call, or in one answer. Tokens are small, and of thousands in one
body each may hold so much."""
_ALWAYS_UNPACKED_BYTES = 16 << 10
_MAX_RATIO = 16
"""Bytes that one byte of a longer token may hold. Texts are packed to a third or a tenth, seals not at all: a body full
of tokens of zeros would be unpacked for a minute."""

_JOINT = f"__{MARK}"
_TOKEN = re.compile(rf"{MARK}[A-Za-z0-9_\-+/]*={{0,2}}")
_HEAD = b"sluice/1."


class Seal(msgspec.Struct, frozen=True, gc=False):
    """A proof, and who gave it. `origin` is the module id of a dialect; `data` is the text it had there, byte for
    byte. `id` is the name of the item that it sealed, where that dialect has one."""

    origin: str
    kind: SealKind
    data: str
    id: str = ""


class Reasoning(msgspec.Struct, frozen=True, gc=False):
    """Reasoning of one turn, in its place among the parts. `text` may be empty: some providers show none."""

    text: str
    seal: Seal | None = None


_Rows = list[tuple[str, str, SealKind, str, str]]


def pack(parts: Sequence[Reasoning]) -> str:
    """Return sealed reasoning as one token. Parts without a seal are left out: nobody asks for them again."""
    rows: _Rows = [(p.text, p.seal.origin, p.seal.kind, p.seal.data, p.seal.id) for p in parts if p.seal is not None]
    data = _HEAD + zlib.compress(msgspec.json.encode(rows))
    data += b" " * (-len(data) % 3)  # no padding character is needed then; zlib ignores what follows its end
    return base64.urlsafe_b64encode(data).decode("ascii")


def unpack(token: str) -> tuple[Reasoning, ...] | None:
    """Return what `pack` was given, or None if this is no token of ours. Never raises: clients send anything."""
    if not token.startswith(MARK):
        return None
    try:
        data = base64.urlsafe_b64decode(token.replace("+", "-").replace("/", "_"))
        inflate = zlib.decompressobj()
        most = min(MAX_UNPACKED_BYTES, max(_ALWAYS_UNPACKED_BYTES, _MAX_RATIO * len(data)))
        plain = inflate.decompress(data.removeprefix(_HEAD), most)
        rows = msgspec.json.decode(plain, type=_Rows) if inflate.eof else None
    except (binascii.Error, zlib.error, msgspec.DecodeError, UnicodeError, ValueError, RecursionError):
        return None
    if rows is None or len(rows) > MAX_UNPACKED_PARTS:
        return None
    return tuple(Reasoning(text, Seal(origin, kind, data, name)) for text, origin, kind, data, name in rows)


def wrap(seal: Seal, origin: str) -> str:
    """Return a seal as text for the place where `origin`'s clients keep theirs: its own as it is, another's as a
    token."""
    return seal.data if seal.origin == origin else pack((Reasoning("", seal),))


def unwrap(text: str, origin: str, kind: SealKind = "reasoning") -> Seal:
    """Return the seal that `wrap` wrote."""
    known = unpack(text)
    if known and known[0].seal is not None:
        return known[0].seal
    return Seal(origin, kind, text)


def join_id(call_id: str, parts: Sequence[Reasoning]) -> str:
    """Return the id of a tool call that carries the sealed reasoning before it, or the id itself if there is none."""
    return f"{call_id}__{pack(parts)}" if any(part.seal is not None for part in parts) else call_id


def split_id(call_id: str) -> tuple[str, tuple[Reasoning, ...]]:
    """Return the provider's id and the reasoning that `join_id` put into it."""
    bare, joint, rest = call_id.partition(_JOINT)
    parts = unpack(MARK + rest) if joint else None
    return (call_id, ()) if parts is None else (bare, parts)
