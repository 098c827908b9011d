"""What was asked of the fake provider, whatever the dialect: the one form that all readers make. Pure.

A request may prescribe what is answered, as `Wanted`: in the member `fake` of its body (`httpbun` means the same, as
other mock providers spell it), or, because that has to survive a translation, in the user's last message, as
`[[fake {"content": "..."}]]`. A list prescribes one answer for each step of a tool loop. What is to go wrong with an
answer is a part of it, `fault`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.testing.fake_refusal import UNREADABLE, Refusal
from sluice.testing.fake_schema import Schema

MAX_WANTED_CHARS = 256 << 10
"""Longest text that a request may ask for: every token of it is held until it is read, and any client may ask."""
MAX_WANTED_CALLS = 128
MAX_STEPS = 64
"""Prescribed answers in one list."""

_Text = Annotated[str, msgspec.Meta(max_length=MAX_WANTED_CHARS)]
_Tokens = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]


class WantedCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool call, whether or not the request has that tool."""

    name: str
    arguments: _Text = "{}"
    """As it is, JSON or not."""


class WantedError(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error in the vendor's own shape."""

    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    message: _Text = "The fake provider was asked to fail."
    after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Inside the stream, after that many of its chunks. None, or no stream: instead of the answer."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer that a request itself asks for, word for word."""

    content: _Text | None = None
    reasoning: _Text | None = None
    refusal: _Text | None = None
    calls: Annotated[list[WantedCall], msgspec.Meta(max_length=MAX_WANTED_CALLS)] = []
    finish: Literal["stop", "length", "tool_calls", "content_filter"] | None = None
    redacted: bool = False
    """The reasoning is given in its sealed form only, where the dialect has one."""
    cached_tokens: _Tokens = 0
    """Of the prompt's tokens, as the usage reports them. The prompt counts for that many at least."""
    cache_write_tokens: _Tokens = 0
    error: WantedError | None = None
    fault: Fault | None = None
    """What goes wrong with the answer."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message, or one part of it: what is said and by whom."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    name: str = ""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that may be called."""

    name: str
    description: str = ""
    parameters: Schema | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, read."""

    model: str
    turns: tuple[Turn, ...]
    """Not empty. What one side says in pieces is one turn or several."""
    seed: bytes
    """Requests of one dialect that ask the same, streaming or not, have the same one."""
    stream: bool = False
    wants_usage: bool = False
    """Inside the stream, where the dialect leaves that to the request."""
    choices: int = 1
    max_output: int | None = None
    """Tokens."""
    functions: tuple[Function, ...] = ()
    tool_choice: Literal["none", "auto", "required"] = "auto"
    only: str = ""
    """The one tool that has to be called; empty = `tool_choice` says it."""
    parallel: bool = True
    schema: Schema | None = None
    """Answer with JSON of this schema."""
    stop: tuple[str, ...] = ()
    reasons: bool = False
    """The request switches reasoning on."""
    shows_reasoning: bool = True
    """Its text is given; otherwise only what seals it."""
    seals_reasoning: bool = False
    """Responses: `encrypted_content` was asked for."""
    logprobs: bool = False
    top_logprobs: int = 0
    marked: int | None = None
    """How many of the turns, from the first, stand before the last mark for the prompt cache; None = no mark."""
    wanted: Wanted | None = None
    echo: dict[str, object] = {}
    """Members of the request that the answer repeats."""

    @property
    def question(self) -> str:
        """What the user said last, without its prescription."""
        return _cut(said_last(self.turns))[0]

    @property
    def steps(self) -> int:
        """How many rounds of tool results came since the user's last message."""
        return steps(self.turns)

    @property
    def results(self) -> tuple[str, ...]:
        """The tool results that the request ends with, oldest first."""
        found: list[str] = []
        for turn in reversed(self.turns):
            if turn.role == "tool":
                found.insert(0, turn.text)
            elif turn.role != "system":
                break
        return tuple(found)


def said_last(turns: Sequence[Turn]) -> str:
    """Return the user's last words, in one message or several in a row: dialects differ in where they part them."""
    found: list[str] = []
    for turn in reversed(turns):
        if turn.role == "user":
            found.insert(0, turn.text)
        elif found and turn.role != "system":
            break
    return "\n".join(found)


def steps(turns: Sequence[Turn]) -> int:
    """Return how many rounds of tool results came since the user's last message."""
    count, before = 0, ""
    for turn in reversed(turns):
        if turn.role == "user":
            break
        if turn.role == "tool" and before != "tool":
            count += 1
        before = turn.role
    return count


_OPEN, _CLOSE = "[[fake ", "]]"
Wish = Wanted | list[Wanted]
_read_wish = msgspec.json.Decoder(Wish).decode


def wanted(turns: Sequence[Turn], member: Wish | None) -> Wanted | None:
    """Return what is prescribed for this step of the conversation, by a member of the body or by the last message.

    One answer in the body is for every step, one in a message for the first.

    Raises:
        Refusal: 400; the last message holds a prescription that cannot be read.
    """
    if isinstance(member, Wanted):
        return member
    listed = member if member is not None else _in_message(turns)
    step = steps(turns)
    return listed[step] if step < len(listed[:MAX_STEPS]) else None


def _in_message(turns: Sequence[Turn]) -> list[Wanted]:
    wish = _cut(said_last(turns))[1]
    if wish is None:
        return []
    try:
        found = _read_wish(wish)
    except UNREADABLE as error:
        raise Refusal(400, f"The prescription in the last message cannot be read: {error}") from None
    return found if isinstance(found, list) else [found]


def _cut(text: str) -> tuple[str, str | None]:
    """Part a text from the JSON of its prescription."""
    start, end = text.find(_OPEN), text.rfind(_CLOSE)
    if start < 0 or end < start:
        return text, None
    return (text[:start] + text[end + len(_CLOSE) :]).strip(), text[start + len(_OPEN) : end]
