"""Sealed reasoning in the ids of tool calls: chat completions have no other member that every client sends back.

The parts since the last call of a choice travel in the id of the next one. What was sealed after the last call, or in
an answer without calls, is left out: nobody could send it back. Streamed and whole answers use the same machine, hence
give the same ids.
"""

from sluice.chat.content import ToolUse
from sluice.chat.fold import AnswerPart
from sluice.chat.seal import Reasoning, Seal, join_id, split_id


class Trail:
    """The reasoning of one choice since its last tool call. Follows `chat.fold`: another channel closes a part."""

    __slots__ = ("_parts", "pieces")

    def __init__(self) -> None:
        self._parts: list[Reasoning] = []
        self.pieces: list[str] | None = None
        """The text of the part that is open; None = none is. Whoever streams reasoning appends here."""

    def open(self) -> list[str]:
        """Return where the text of the reasoning now streaming goes."""
        if self.pieces is None:
            self.pieces = []
        return self.pieces

    def close(self) -> None:
        """Something other than reasoning came. Text without a seal is nothing that anyone asks for again."""
        self.pieces = None

    def seal(self, seal: Seal) -> None:
        text = ""
        if self.pieces is not None and seal.kind not in ("redacted", "text"):
            text = "".join(self.pieces)
        self._parts.append(Reasoning(text, seal))
        self.pieces = None

    def join(self, call_id: str) -> str:
        """Return the id that the client is given for the call that starts now."""
        joined = join_id(call_id, self._parts) if self._parts else call_id
        self._parts, self.pieces = [], None
        return joined


def joined_calls(parts: tuple[AnswerPart, ...]) -> list[ToolUse]:
    """Return the tool calls of a whole answer, each with the id that a stream of it would have given."""
    trail, calls = Trail(), []
    for part in parts:
        if isinstance(part, ToolUse):
            calls.append(ToolUse(id=trail.join(part.id), name=part.name, arguments=part.arguments))
        elif isinstance(part, Reasoning) and part.seal is not None:
            trail.open().append(part.text)
            trail.seal(part.seal)
    return calls


def bare_id(call_id: str) -> str:
    """Return the id that the provider gave."""
    return split_id(call_id)[0]
