"""A whole chat request in no vendor's words: what a translation reads and writes.

Only a translation needs it: between a client and a provider of one dialect the client's own bytes are sent on
(`ChatRequest.fields`). None and empty mean that the client did not say; a dialect never fills in what was not asked,
but for what its API demands.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from sluice.chat.content import CacheMark, Message, ToolResult, ToolUse

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]


class _Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a request."""


class Tool(_Fact, frozen=True, kw_only=True):
    """A function that the client can call. Tools that a provider runs itself are none: see docs/reference."""

    name: str
    description: str = ""
    parameters: msgspec.Raw | None = None
    """A JSON schema object; None = takes nothing."""
    strict: bool | None = None
    cache: CacheMark | None = None


class ToolChoice(_Fact, frozen=True, kw_only=True):
    """`named` asks for the tool `name`."""

    mode: Literal["auto", "none", "required", "named"]
    name: str = ""


class OutputFormat(_Fact, frozen=True, kw_only=True):
    """Answer in JSON: of any shape, or of `schema` if that is given."""

    schema: msgspec.Raw | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


class Thinking(_Fact, frozen=True, kw_only=True):
    """How much to reason, in one of two currencies; a dialect that knows only the other uses `budget_of` and
    `effort_of`."""

    effort: Effort | None = None
    budget_tokens: int | None = None
    adaptive: bool = False
    """The model decides for itself."""
    show: bool | None = None
    """The reasoning's text, or a summary of it, is wanted."""

    @property
    def off(self) -> bool:
        return self.effort == "none" or self.budget_tokens == 0


class Conversation(_Fact, frozen=True, kw_only=True):
    """The request."""

    messages: tuple[Message, ...]
    """System messages among them, where the client put them."""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: OutputFormat | None = None
    thinking: Thinking | None = None
    choices: int = 1
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Mapping[str, float] = {}
    logprobs: bool = False
    top_logprobs: int | None = None
    verbosity: str = ""
    user: str = ""
    """The end user, as the client names them."""
    cache: CacheMark | None = None
    """The whole prompt is worth caching, wherever the provider sees fit."""
    words: Mapping[str, str] = {}
    """What the client calls a feature (`chat.carry`), for errors: `seed` -> `generationConfig.seed`."""


BUDGETS: dict[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 2048,
    "high": 4096,
    "xhigh": 8192,
}
"""Reasoning tokens that stand for a word (labs C4 for low, medium and high)."""


def budget_of(thinking: Thinking) -> int | None:
    """Return the budget that was asked for, in tokens; None = the model's own choice."""
    if thinking.budget_tokens is not None:
        return thinking.budget_tokens
    return None if thinking.effort is None else BUDGETS[thinking.effort]


def effort_of(thinking: Thinking) -> Effort | None:
    """Return the word that was asked for; None = the model's own choice."""
    if thinking.effort is not None or thinking.budget_tokens is None:
        return thinking.effort
    words: tuple[Effort, ...] = ("none", "low", "medium", "high")
    return next((word for word in words if thinking.budget_tokens <= BUDGETS[word]), "high")


def with_tool_names(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the messages with each tool result naming its tool, as far as the calls before it tell."""
    names: dict[str, str] = {}
    result = []
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolUse):
                names[part.id] = part.name
        parts = tuple(
            msgspec.structs.replace(part, name=names.get(part.call_id, ""))
            if isinstance(part, ToolResult) and not part.name
            else part
            for part in message.parts
        )
        result.append(message if parts == message.parts else msgspec.structs.replace(message, parts=parts))
    return tuple(result)
