"""Tool calls that grow, until they can be written whole: Gemini's clients take no piece of a call."""

import re

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.dialects.writing import whole

_BRACKET_OR_QUOTE = re.compile(r'["{}\[\]]')
_QUOTE_OR_ESCAPE = re.compile(r'["\\]')
_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

EMPTY = msgspec.Raw(b"{}")


class GrowingCall:
    """One call and its arguments so far. Cost: O(n) in the characters fed; JSON is decoded once, when it is whole."""

    __slots__ = ("_depth", "_pieces", "_quoted", "_skip", "arguments", "broken", "id", "name", "signature")

    def __init__(self, id: str, name: str, signature: str) -> None:  # noqa: A002 - the vocabulary's field
        self.id, self.name, self.signature = id, name, signature
        self.arguments: msgspec.Raw | None = None
        """The arguments, once they are a whole JSON object. What comes after that is ignored."""
        self.broken = False
        """They will never be one."""
        self._pieces: list[str] = []
        self._depth = 0
        self._quoted = self._skip = False

    @property
    def empty(self) -> bool:
        """Nothing came yet."""
        return not self._pieces and not self.broken

    def add(self, piece: str) -> None:
        if self.arguments is not None or self.broken:
            return
        if not self._pieces:
            piece = piece.lstrip(" \t\r\n")
            self.broken = bool(piece) and not piece.startswith("{")
        if not piece or self.broken:
            return
        end = self._end_in(piece)
        self._pieces.append(piece if end is None else piece[:end])
        if end is not None:
            self._close("".join(self._pieces))

    def _end_in(self, piece: str) -> int | None:
        """Return where in this piece the outermost object ends, None if it does not."""
        at = 1 if self._skip and piece else 0
        self._skip = False
        while (found := (_QUOTE_OR_ESCAPE if self._quoted else _BRACKET_OR_QUOTE).search(piece, at)) is not None:
            at = found.end()
            match found[0]:
                case '"':
                    self._quoted = not self._quoted
                case "\\":
                    self._skip = at == len(piece)
                    at += 1
                case "{" | "[":
                    self._depth += 1
                case _:
                    self._depth -= 1
                    if self._depth == 0:
                        return at
        return None

    def _close(self, text: str) -> None:
        try:
            data = whole(text).encode()
            _read_object(data)
            self.arguments = msgspec.Raw(msgspec.json.format(data, indent=-1))  # one line, as frames want it
        except UNREADABLE:
            self.broken = True

    def part(self, arguments: msgspec.Raw) -> dict[str, object]:
        """Return the whole call as a part."""
        call: dict[str, object] = {"id": self.id} if self.id else {}
        body: dict[str, object] = {"functionCall": call | {"name": self.name, "args": arguments}}
        return body | {"thoughtSignature": self.signature} if self.signature else body
