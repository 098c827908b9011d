"""A conversation with tools and thinking as block dialects have it (Messages, Converse), and what models of that kind
demand of it. Pure: the readers turn their blocks into pieces, and word what is found wrong.

Source: docs.claude.com/en/docs/build-with-claude/extended-thinking and /agents-and-tools/tool-use/implement-tool-use,
read 2026-11-21.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from sluice.testing import fake_seal
from sluice.testing.fake_asked import Turn

THINKING = "thinking"
REDACTED = "redacted"
"""What the sealed values of the two are for (see `fake_seal`)."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One block."""

    kind: Literal["text", "thinking", "redacted", "call", "result", "mark", "other"]
    """`mark`: the end of what the prompt cache shall keep, where that is a block of its own."""
    text: str = ""
    """Of a text, of a thought, or of a tool's result."""
    seal: str = ""
    """The signature of a thought, or the data of a redacted one."""
    id: str = ""
    """Of a call, given or answered."""
    marked: bool = False
    """The prompt cache ends here."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    role: Literal["user", "assistant", "system"]
    pieces: tuple[Piece, ...]


Kind = Literal["no_content", "blank_text", "unanswered", "uncalled", "seal", "no_thought"]


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """The first thing that is wrong, and where: message and piece."""

    kind: Kind
    message: int
    piece: int = 0
    ids: tuple[str, ...] = ()
    """Calls that lack a result, or the result that lacks its call."""
    found: str = ""
    """The kind of piece that bears a wrong seal, or stands where a thought was expected."""


def wrong(messages: Sequence[Message], *, thinks: bool) -> Wrong | None:
    """Return the first thing that the model cannot accept, if there is one.

    `thinks`: thinking is on with a budget, so that the calls of this turn have to come back with their thoughts.
    """
    for place, message in enumerate(messages):
        found = _wrong_inside(place, message, last=place == len(messages) - 1)
        found = found or _wrong_calls(place, messages)
        if found is not None:
            return found
    return _unthinking(messages) if thinks else None


def _wrong_inside(place: int, message: Message, *, last: bool) -> Wrong | None:
    if not message.pieces and not (last and message.role == "assistant"):
        return Wrong(kind="no_content", message=place)
    for position, piece in enumerate(message.pieces):
        if piece.kind == "text" and not piece.text.strip():
            return Wrong(kind="blank_text", message=place, piece=position)
        if not _genuine(piece):
            return Wrong(kind="seal", message=place, piece=position, found=piece.kind)
    return None


def _genuine(piece: Piece) -> bool:
    """A thought has to come back with the seal that it was given, or without its text if it was omitted."""
    if piece.kind == "redacted":
        return fake_seal.disclosed(REDACTED, piece.seal) is not None
    if piece.kind == "thinking":
        sealed = fake_seal.disclosed(THINKING, piece.seal)
        return sealed is not None and piece.text in (sealed, "")
    return True


def _wrong_calls(place: int, messages: Sequence[Message]) -> Wrong | None:
    """Every call is answered in the next message, and nothing else is."""
    asked = [piece.id for piece in messages[place].pieces if piece.kind == "call"]
    after = messages[place + 1].pieces if place + 1 < len(messages) else ()
    answered = {piece.id for piece in after if piece.kind == "result"}
    missing = [each for each in asked if each not in answered]
    if missing:
        return Wrong(kind="unanswered", message=place, ids=tuple(missing))
    before = {piece.id for piece in messages[place - 1].pieces if piece.kind == "call"} if place else set()
    for position, piece in enumerate(messages[place].pieces):
        if piece.kind == "result" and piece.id not in before:
            return Wrong(kind="uncalled", message=place, piece=position, ids=(piece.id,))
    return None


def _unthinking(messages: Sequence[Message]) -> Wrong | None:
    """In a turn that is under way, from the user's last words on, calls come after a thought."""
    for place in range(len(messages) - 1, -1, -1):
        pieces = messages[place].pieces
        if messages[place].role == "user" and not any(piece.kind == "result" for piece in pieces):
            break
        calls = any(piece.kind == "call" for piece in pieces)
        if calls and pieces[0].kind not in ("thinking", "redacted"):
            return Wrong(kind="no_thought", message=place, found=pieces[0].kind)
    return None


def turns(messages: Sequence[Message]) -> tuple[list[Turn], int | None]:
    """Return what was said, results before texts, and how many turns end with the last mark of the prompt cache."""
    said: list[Turn] = []
    marked = None
    for message in messages:
        said += [Turn(role="tool", text=piece.text) for piece in message.pieces if piece.kind == "result"]
        others = [piece for piece in message.pieces if piece.kind not in ("result", "mark")]
        if others or not message.pieces:
            text = "\n".join(piece.text for piece in others if piece.kind == "text")
            said.append(Turn(role=message.role, text=text))
        if any(piece.marked for piece in message.pieces):
            marked = len(said)
    return said, marked
