"""The events of an answer, in no vendor's words. Facts, hence in the past tense.

An answer is: `Started`, then deltas of any choice and channel in any order, `ChoiceFinished` for each choice,
`Reported` usage at any time, and last `Ended` or `Failed`. The legal order is a table: `chat.grammar`. A dialect's
decoder makes these of frames, its encoder makes frames of these, and nothing is ever translated pairwise.
"""

from typing import Literal

import msgspec

from sluice.chat.usage import Usage
from sluice.errors import UpstreamError

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
    """Opaque, as the provider wrote it."""


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


class ChoiceFinished(_Event, frozen=True, gc=False):
    """One choice is complete. `native` is the provider's own word for why."""

    choice: int
    reason: FinishReason
    native: str


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


class Ended(_Event, frozen=True, gc=False):
    """The dialect's terminator came."""


class Failed(_Event, frozen=True, gc=False):
    """The provider reported, inside its answer, that it failed."""

    error: UpstreamError


Event = Started | TextDelta | ToolCallStarted | ToolCallDelta | ChoiceFinished | Reported | Leftover | Ended | Failed
