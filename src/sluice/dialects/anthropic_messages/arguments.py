"""When the arguments of a tool call are complete.

A `tool_use` block must be whole when a client sees it: this API has no half calls (dialects.md, decision 8). So the
pieces are watched for the brace that closes the object; only then is the text parsed, once.
"""

import re

from sluice.dialects.writing import is_object, whole

_MARK = re.compile(r'\\.|["{}\[\]]|\\\Z', re.DOTALL)
_STRAY = "}] \t\r\n"
_MAX_DEPTH = 128
"""The official client's parser gives up at about 200 levels."""


class Arguments:
    """The arguments of one call as they come. Cost: O(n) in their length, whatever the cutting."""

    __slots__ = ("_after", "_depth", "_escaped", "_pieces", "_quoted", "_too_deep", "closed")

    def __init__(self, text: str = "") -> None:
        self._pieces: list[str] = []
        self._after: list[str] = []
        """What came after the end."""
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._too_deep = False
        self.closed = False
        """The first bracket was closed."""
        if text:
            self.add(text)

    def add(self, piece: str) -> None:
        """Take more of them. Some models say a call's arguments twice, or close a bracket too many; anything else after
        the end spoils them."""
        if self.closed or not piece:
            self._after.append(piece)
            return
        start = 1 if self._escaped else 0
        self._escaped = False
        for match in _MARK.finditer(piece, start):
            mark = match[0]
            if mark[0] == "\\":
                self._escaped = len(mark) == 1
            elif mark == '"':
                self._quoted = not self._quoted
            elif not self._quoted and self._bracket(mark):
                self._after.append(piece[match.end() :])
                piece = piece[: match.end()]
                break
        self._pieces.append(piece)

    def _bracket(self, mark: str) -> bool:
        self._depth += 1 if mark in "{[" else -1
        self._too_deep |= self._depth > _MAX_DEPTH
        self.closed = self._depth <= 0
        return self.closed

    @property
    def text(self) -> str:
        """What came, byte for byte, up to the end of the object."""
        return whole("".join(self._pieces))

    @property
    def said(self) -> str:
        """All that came."""
        return self.text + whole("".join(self._after))

    def is_object(self) -> bool:
        """Whether they are one JSON object, and one that every client can read."""
        if not self.closed or self._too_deep:
            return False
        rest = "".join(self._after).strip().removeprefix(self.text.strip()).strip(_STRAY)
        return not rest and is_object(self.text)
