"""The members of a Bedrock Converse request that the fake provider reads. Pure. Unknown members are accepted.

Source: the service model of botocore (bedrock-runtime, 2023-09-30), read 2026-11-21. Names are camelCase, but for those
in `additionalModelRequestFields`: they are the model's own.
"""

from typing import Annotated, Literal

import msgspec

from sluice.testing.fake_asked import Wanted, Wish
from sluice.testing.fake_schema import Schema
from sluice.testing.fake_talk import Message as Said
from sluice.testing.fake_talk import Piece


class _Read(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An object of the request."""


class ToolUse(_Read, frozen=True):
    tool_use_id: str
    name: str
    input: dict[str, object]


class ResultContent(_Read, frozen=True):
    text: str | None = None
    json: object = None

    @property
    def said(self) -> str:
        return msgspec.json.encode(self.json).decode() if self.text is None else self.text


class ToolResult(_Read, frozen=True):
    tool_use_id: str
    content: list[ResultContent]
    status: Literal["success", "error"] | None = None


class ReasoningText(_Read, frozen=True):
    text: str
    signature: str | None = None


class Reasoning(_Read, frozen=True):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Document(_Read, frozen=True):
    name: str


class Block(_Read, frozen=True):
    """A union: one member of it is set."""

    text: str | None = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    reasoning_content: Reasoning | None = None
    document: Document | None = None
    cache_point: dict[str, object] | None = None

    @property
    def piece(self) -> Piece:
        if self.text is not None:
            return Piece(kind="text", text=self.text)
        if self.tool_use is not None:
            return Piece(kind="call", id=self.tool_use.tool_use_id)
        if self.tool_result is not None:
            text = "\n".join(content.said for content in self.tool_result.content)
            return Piece(kind="result", id=self.tool_result.tool_use_id, text=text)
        if self.reasoning_content is not None:
            thought = self.reasoning_content.reasoning_text
            if thought is None:
                return Piece(kind="redacted", seal=self.reasoning_content.redacted_content or "")
            return Piece(kind="thinking", text=thought.text, seal=thought.signature or "")
        return Piece(kind="other") if self.cache_point is None else Piece(kind="mark", marked=True)


class Message(_Read, frozen=True):
    role: Literal["user", "assistant"]
    content: list[Block]

    @property
    def said(self) -> Said:
        return Said(role=self.role, pieces=tuple(block.piece for block in self.content))


class System(_Read, frozen=True):
    text: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    cache_point: dict[str, object] | None = None


class InputSchema(_Read, frozen=True):
    json: Schema


class ToolSpec(_Read, frozen=True):
    name: str
    input_schema: InputSchema
    description: Annotated[str, msgspec.Meta(min_length=1)] | None = None


class Tool(_Read, frozen=True):
    tool_spec: ToolSpec | None = None
    cache_point: dict[str, object] | None = None


class NamedTool(_Read, frozen=True):
    name: str


class ToolChoice(_Read, frozen=True):
    auto: dict[str, object] | None = None
    any: dict[str, object] | None = None
    tool: NamedTool | None = None


class ToolConfig(_Read, frozen=True):
    tools: Annotated[list[Tool], msgspec.Meta(min_length=1)]
    tool_choice: ToolChoice | None = None


class InferenceConfig(_Read, frozen=True):
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop_sequences: list[str] | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    budget_tokens: Annotated[int, msgspec.Meta(ge=1024)] | None = None


class ModelToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    disable_parallel_tool_use: bool | None = None


class ModelFields(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to the model as it is; its names are the model's."""

    thinking: Thinking | None = None
    reasoning_config: Thinking | None = None
    tool_choice: ModelToolChoice | None = None
    fake: Wish | None = None

    @property
    def thought(self) -> Thinking | None:
        found = self.thinking or self.reasoning_config
        return None if found is None or found.type == "disabled" else found


class JsonSchema(_Read, frozen=True):
    schema: str
    """JSON in JSON."""


class Structure(_Read, frozen=True):
    json_schema: JsonSchema | None = None


class TextFormat(_Read, frozen=True):
    type: str
    structure: Structure


class OutputConfig(_Read, frozen=True):
    text_format: TextFormat | None = None


class Body(_Read, frozen=True):
    """A Converse request."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    system: list[System] = []
    inference_config: InferenceConfig = InferenceConfig()
    tool_config: ToolConfig | None = None
    additional_model_request_fields: ModelFields = ModelFields()
    output_config: OutputConfig | None = None
    fake: Wish | None = None
    httpbun: Wanted | None = None

    @property
    def specs(self) -> list[ToolSpec]:
        tools = self.tool_config.tools if self.tool_config is not None else []
        return [tool.tool_spec for tool in tools if tool.tool_spec is not None]

    @property
    def wish(self) -> Wish | None:
        every = (self.fake, self.additional_model_request_fields.fake, self.httpbun)
        return next((found for found in every if found is not None), None)

    @property
    def choice(self) -> ToolChoice:
        return (self.tool_config.tool_choice if self.tool_config is not None else None) or ToolChoice()


class Counted(_Read, frozen=True):
    converse: Body


class CountBody(_Read, frozen=True):
    """A request for a count."""

    input: Counted
