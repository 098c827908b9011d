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

from sluice.wire.json_values import count_values

SealKind = Literal["reasoning", "redacted", "call", "text"]
"""What a seal belongs to: the reasoning before it; reasoning of which nothing else is shown; the tool call after it;
the text before it."""

MARK = "c2x1aWNlLzEu"
"""The beginning of every token: `sluice/1.` in base64. A body without it holds no token."""
MAX_UNPACKED_BYTES = 4 << 20
"""What one token may hold: a million words of reasoning. A longer one is nobody's."""
MAX_HELD_BYTES = 8 << 20
MAX_HELD_PARTS = 5_000
"""What all tokens of one request may hold together, in the JSON of `pack` and in parts. They pack well, so a body's own
bounds say little: two megabytes of small tokens once were 1.5 million parts."""

_MARK = MARK.encode()
_HEAD = b"sluice/1."
_JOINT = f"__{MARK}"
_TOKEN = re.compile(rf"{MARK}[A-Za-z0-9_\-+/]*={{0,2}}")
_RUN = re.compile(rb"%b[A-Za-z0-9_\-+/]*" % _MARK)
_ESCAPED_MARK = re.compile(rb"\\u00(?:3[12]|4[5cCeE]|57|6[13cC]|7[58aA])")
"""A letter of MARK, as only somebody who hides it would write it."""
_ESCAPES = (rb"\/", rb"\u00")
"""How clients write letters of the rest: PHP a slash, .NET a plus."""
_VALUES_PER_PART = 6
"""Of a row's JSON: itself and what it holds."""
_PIECE_BYTES = 256 << 10
_MAX_RATIO = 1032
"""Of DEFLATE."""


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
    """Return sealed reasoning as one token. Parts without a seal are left out: nobody asks for them again.

    More than MAX_UNPACKED_BYTES of reasoning before one call, which no model thinks, is packed all the same: nobody can
    say so in the midst of an answer. Its token is nobody's when it comes back.
    """
    rows: _Rows = [(p.text, p.seal.origin, p.seal.kind, p.seal.data, p.seal.id) for p in parts if p.seal is not None]
    data = _HEAD + zlib.compress(msgspec.json.encode(rows))
    data += b" " * (-len(data) % 3)  # no padding character is needed then; zlib ignores what follows its end
    return base64.urlsafe_b64encode(data).decode("ascii")


def unpack(token: str) -> tuple[Reasoning, ...] | None:
    """Return what `pack` was given, or None if this is no token of ours. Never raises: clients send anything.

    What all tokens of a request cost is bounded where it is read (`hold_too_much`), not here.
    """
    if _TOKEN.fullmatch(token) is None:  # the reader of base64 skips what is none: a token could be hidden so
        return None
    try:
        data = base64.urlsafe_b64decode(token.replace("+", "-").replace("/", "_"))
        inflate = zlib.decompressobj()
        plain = inflate.decompress(data.removeprefix(_HEAD), MAX_UNPACKED_BYTES + 1)
        if not inflate.eof or len(plain) > MAX_UNPACKED_BYTES:
            return None
        rows = msgspec.json.decode(plain, type=_Rows)
    except (binascii.Error, zlib.error, msgspec.DecodeError, UnicodeError, ValueError, RecursionError):
        return None
    return tuple(Reasoning(text, Seal(origin, kind, data, name)) for text, origin, kind, data, name in rows)


def escaped(body: bytes) -> bool:
    """Whether a JSON text may hold a token that `hold_too_much` does not see, or not all of it, because letters of it
    are written as escapes.

    Cost: one search; O(n) in the texts that hold tokens.
    """
    if rb"\u00" in body and _ESCAPED_MARK.search(body) is not None:
        return True
    return _MARK in body and any(body.startswith(_ESCAPES, run.end()) for run in _RUN.finditer(body))


def hold_too_much(text: bytes) -> bool:
    """Whether the tokens in a text, read or not, hold more together than one request may. Each is counted that `unpack`
    can be given, those too that begin within another one.

    Cost: one search for a text without tokens; else O(n) in what they hold, and 80 ms at most. Memory: what one token
    may hold, twice.
    """
    size = parts = 0
    at = text.find(_MARK)
    while at >= 0:
        run = _RUN.match(text, at, at + 2 * MAX_HELD_BYTES)  # which is too much by itself
        assert run is not None
        more_bytes, more_parts = _held(run[0], MAX_HELD_PARTS - parts)
        size, parts = size + more_bytes, parts + more_parts
        if size > MAX_HELD_BYTES or parts > MAX_HELD_PARTS:
            return True
        at = text.find(_MARK, at + len(_MARK))
    return False


def _held(token: bytes, enough: int) -> tuple[int, int]:
    """How many bytes and parts a token holds, at least: what `unpack` would have to do with it."""
    packed = token[len(_MARK) :]
    data = base64.urlsafe_b64decode(packed.replace(b"+", b"-").replace(b"/", b"_") + b"A" * (-len(packed) % 4))
    size, read, pieces = 0, len(data), []
    inflate = zlib.decompressobj()
    try:
        while data and not inflate.eof and size <= MAX_UNPACKED_BYTES:
            pieces.append(inflate.decompress(data, _PIECE_BYTES))
            size, data = size + len(pieces[-1]), inflate.unconsumed_tail
    except zlib.error:
        size += min(_PIECE_BYTES, _MAX_RATIO * len(data))  # of this piece nobody tells what it was
    values = count_values(b"".join(pieces), _VALUES_PER_PART * enough + _VALUES_PER_PART)
    return max(size, read), max(1, values // _VALUES_PER_PART)


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
