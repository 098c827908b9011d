"""What an agent asks of a model and what it hears: the vocabulary of `ctx.llm`."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from sluice.runs.events import TokenUsage
from sluice.runs.messages import Message, ToolCallPart
from sluice.runs.records import ToolSpec as ToolSpec

ToolChoice = Literal["auto", "none", "required"]


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call. None = not said: the provider's own default; 0 is 0."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice | str = "auto"
    """Or the name of a tool."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    response_schema: Mapping[str, Any] | None = None
    reasoning_effort: str = ""
    metadata: Mapping[str, str] = {}
    """Thread, run, agent, user and node: they become labels of the gateway's record."""
    credential: str = ""
    """The virtual key the agent asks with; empty = its own."""


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of a tool call. The first of an index carries `id` and `name`."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class Chunk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A piece of an answer; `str(chunk)` is its text."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: str = ""
    usage: TokenUsage | None = None
    model: str = ""

    def __str__(self) -> str:
        return self.text


class Completion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole answer: the fold of its chunks."""

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCallPart, ...] = ()
    finish_reason: str = ""
    usage: TokenUsage = TokenUsage()
    model: str = ""

    def __str__(self) -> str:
        return self.text
