"""When the arguments of a tool call are complete.

A `tool_use` block must be whole when a client sees it: this API has no half calls (dialects.md, decision 8). So the
pieces are watched for the brace that closes the object; only then is the text parsed, once.
"""

import re

from sluice.dialects.writing import is_object, whole

_MARK = re.compile(r'\\.|["{}\[\]]|\\\Z', re.DOTALL)
_MAX_DEPTH = 128
"""The official client's parser gives up at about 200 levels."""


class Arguments:
    """The arguments of one call as they come. Cost: O(n) in their length, whatever the cutting."""

    __slots__ = ("_depth", "_escaped", "_pieces", "_quoted", "_too_deep", "closed")

    def __init__(self, text: str = "") -> None:
        self._pieces: list[str] = []
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._too_deep = False
        self.closed = False
        """The first bracket was closed: nothing that follows belongs to the call."""
        if text:
            self.add(text)

    def add(self, piece: str) -> None:
        """Take more of them. What follows the end is dropped: some models say a call's arguments twice."""
        if self.closed or not piece:
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

    def is_object(self) -> bool:
        """Whether they are a JSON object, and one that every client can read."""
        return self.closed and not self._too_deep and is_object(self.text)
