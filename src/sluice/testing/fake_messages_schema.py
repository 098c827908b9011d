"""The members of an Anthropic Messages request that the fake provider reads. Pure. Unknown members are accepted.

Source: docs.claude.com/en/api/messages and the types of the official client, read 2026-11-21.
"""

from typing import Annotated, Literal

import msgspec

from sluice.testing.fake_asked import Wanted, Wish
from sluice.testing.fake_schema import Schema
from sluice.testing.fake_talk import Message as Said
from sluice.testing.fake_talk import Piece


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the request."""


class Inner(_Read, frozen=True):
    """A block inside a tool's result or a system prompt."""

    type: str
    text: str | None = None
    cache_control: object = None


class Block(_Read, frozen=True):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: object = None
    tool_use_id: str | None = None
    content: str | list[Inner] | dict[str, object] | None = None
    cache_control: object = None

    @property
    def inner_text(self) -> str:
        """The text of a tool's result."""
        if isinstance(self.content, list):
            return "\n".join(inner.text for inner in self.content if inner.text is not None)
        return self.content if isinstance(self.content, str) else ""

    @property
    def piece(self) -> Piece:
        marked = self.cache_control is not None
        match self.type:
            case "text":
                return Piece(kind="text", text=self.text or "", marked=marked)
            case "thinking":
                return Piece(kind="thinking", text=self.thinking or "", seal=self.signature or "")
            case "redacted_thinking":
                return Piece(kind="redacted", seal=self.data or "")
            case "tool_use":
                return Piece(kind="call", id=self.id or "", marked=marked)
            case "tool_result":
                return Piece(kind="result", id=self.tool_use_id or "", text=self.inner_text, marked=marked)
        return Piece(kind="other", marked=marked)


class Message(_Read, frozen=True):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]

    @property
    def blocks(self) -> list[Block]:
        return self.content if isinstance(self.content, list) else [Block(type="text", text=self.content)]

    @property
    def said(self) -> Said:
        return Said(role=self.role, pieces=tuple(block.piece for block in self.blocks))


class Tool(_Read, frozen=True):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: Schema | None = None
    cache_control: object = None


class ToolChoice(_Read, frozen=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(_Read, frozen=True):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: Annotated[int, msgspec.Meta(ge=1024)] | None = None
    display: str | None = None


class Format(_Read, frozen=True):
    type: str
    schema: Schema | None = None


class OutputConfig(_Read, frozen=True):
    effort: str | None = None
    format: Format | None = None


class Body(_Read, frozen=True):
    """A Messages request."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    model: str | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    anthropic_version: str | None = None
    system: str | list[Inner] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    cache_control: object = None
    fake: Wish | None = None
    httpbun: Wanted | None = None

    @property
    def thinks(self) -> bool:
        """Whether thinking is on, with a budget or as the model likes."""
        return self.thinking is not None and self.thinking.type != "disabled"
