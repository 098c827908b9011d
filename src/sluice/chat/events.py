"""The events of an answer, in no vendor's words. Facts, hence in the past tense.

An answer is: `Started`, then deltas of any choice and channel in any order, `ChoiceFinished` for each choice,
`Reported` usage at any time, and last `Ended` or `Failed`. The legal order is a table: `chat.grammar`. A dialect's
decoder makes these of frames, its encoder makes frames of these, and nothing is ever translated pairwise.
"""

from typing import Literal

import msgspec

from sluice.chat.content import Citation
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.errors import SluiceError

Channel = Literal["text", "reasoning", "refusal"]
Place = Literal["", "choice", "delta"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "error"]


class _Event(msgspec.Struct, frozen=True, gc=False):
    """A fact about an answer."""


class Started(_Event, frozen=True, gc=False):
    """The provider began to answer. `id` and `model` are its own words; empty if it did not say yet."""

    id: str
    model: str
    created: int = 0
    """Seconds since 1970; 0 = not said."""


class TextDelta(_Event, frozen=True, gc=False):
    """More text of one choice in one channel. `text` may be empty: it then opens the channel without a token."""

    choice: int
    channel: Channel
    text: str
    logprobs: msgspec.Raw | None = None
    """Of the tokens of `text`, in the shape of OpenAI's chat completions: `{"content": [...], "refusal": [...]}`."""


class ToolCallStarted(_Event, frozen=True, gc=False):
    """A tool call of one choice was opened. `index` counts the choice's calls from 0."""

    choice: int
    index: int
    id: str
    name: str


class ToolCallDelta(_Event, frozen=True, gc=False):
    """More of a tool call's arguments: a piece of JSON text, not JSON by itself."""

    choice: int
    index: int
    arguments: str


class Sealed(_Event, frozen=True, gc=False):
    """The provider gave a proof of its reasoning. It closes the reasoning that is open in this choice; with none open,
    and always when it is `redacted` or of `text`, it is a part of its own. A seal of a `call` comes right before the
    call's start."""

    choice: int
    seal: Seal


class Cited(_Event, frozen=True, gc=False):
    """The text so far of this choice has something from there."""

    choice: int
    citation: Citation


class ChoiceFinished(_Event, frozen=True, gc=False):
    """One choice is complete. `native` is the provider's own word for why; empty = it gave none, and its answer is
    taken for whole because the HTTP body was."""

    choice: int
    reason: FinishReason
    native: str
    stop_sequence: str | None = None
    """The stop sequence that was met, if the provider says which."""


class Reported(_Event, frozen=True, gc=False):
    """The provider reported usage, absolute: it replaces what was reported before."""

    usage: Usage


class Leftover(_Event, frozen=True, gc=False):
    """Fields that the vocabulary has no word for, kept for the same dialect.

    `place` is empty for the answer itself, `choice` or `delta` for one choice.
    """

    place: Place
    choice: int
    fields: dict[str, msgspec.Raw]


class Unrecognised(_Event, frozen=True, gc=False):
    """The provider sent an event, a block or a part of a kind that this dialect does not know, or that no other
    dialect has a place for. A mirror passes it on, and so does an encoder of the same dialect if it has the `part`; a
    translation leaves it out. It is counted, and logged once."""

    what: str
    """The provider's own word: `event:foo`, `block:server_tool_use`."""
    choice: int = 0
    part: msgspec.Raw | None = None
    """A part of a choice, whole and in its place, for a client of the same dialect; None = it is none, or was not
    kept."""


class Ended(_Event, frozen=True, gc=False):
    """The dialect's terminator came."""


class Failed(_Event, frozen=True, gc=False):
    """The provider reported, inside its answer, that it failed; or, on the way to a client, that the exchange did."""

    error: SluiceError


Event = (
    Started
    | TextDelta
    | ToolCallStarted
    | ToolCallDelta
    | Sealed
    | Cited
    | ChoiceFinished
    | Reported
    | Leftover
    | Unrecognised
    | Ended
    | Failed
)
