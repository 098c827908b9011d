"""A client's Messages request, read as a conversation for a provider of another dialect.

Nothing is lost in silence: every member of the body has a row in `facts.FIELDS`, and one that has none is refused.
"""

from typing import Literal

import msgspec

from sluice.chat.content import Message, Role, Text
from sluice.chat.conversation import Conversation, Effort, OutputFormat, Thinking, Tool, ToolChoice
from sluice.chat.request import ChatRequest
from sluice.dialects.anthropic_messages.blocks_read import Blocks, WireCache, cache_mark, read_at
from sluice.dialects.anthropic_messages.facts import TABLE, WORDS, row
from sluice.dialects.claude import MIN_BUDGET
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE, explain
from sluice.dialects.writing import to_json
from sluice.errors import BadRequest


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw = ABSENT


class _OutputConfig(msgspec.Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Tool(msgspec.Struct):
    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = ABSENT
    strict: bool | None = None
    cache_control: WireCache | None = None


class _ToolChoice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class _Wishes(msgspec.Struct):
    """All that is read but the messages."""

    system: str | list[msgspec.Raw] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: _Metadata | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    cache_control: WireCache | None = None


class _Message(msgspec.Struct):
    role: Role
    content: str | list[msgspec.Raw]


_read_wishes = msgspec.json.Decoder(_Wishes).decode
_read_messages = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_message = msgspec.json.Decoder(_Message).decode


def read(chat: ChatRequest) -> Conversation:
    """Read the whole of a request.

    Raises:
        BadRequest: it holds what cannot be translated, or what this API does not allow; `param` names the place.
    """
    wanted = {name: raw for name, raw in chat.fields.items() if name in _Wishes.__struct_fields__}
    body = to_json(wanted)
    try:
        wishes = _read_wishes(body)
        raws = _read_messages(chat.fields.get("messages", NULL))
    except UNREADABLE as error:
        raise explain(error, body) from None
    tools = _tools(wishes)
    words = dict(WORDS)
    reader = Blocks(words)
    messages = [message for i, raw in enumerate(raws) for message in _message(i, raw, reader)]
    system = _system(wishes.system, reader)
    TABLE.judge(chat.fields)
    return Conversation(
        messages=(*system, *messages),
        tools=tools,
        tool_choice=_tool_choice(wishes, tools),
        parallel_tool_calls=False if wishes.tool_choice and wishes.tool_choice.disable_parallel_tool_use else None,
        output=_output(wishes),
        thinking=_thinking(wishes),
        temperature=wishes.temperature,
        top_p=wishes.top_p,
        top_k=wishes.top_k,
        max_tokens=wishes.max_tokens,
        stop=tuple(wishes.stop_sequences or ()),
        user=(wishes.metadata and wishes.metadata.user_id) or "",
        cache=cache_mark(wishes.cache_control),
        words=words,
    )


# -- messages ---------------------------------------------------------------------------------------------------------


def _system(system: str | list[msgspec.Raw] | None, reader: Blocks) -> list[Message]:
    if not system:
        return []
    if isinstance(system, str):
        return [Message(role="system", parts=(Text(text=system),))]
    parts = reader.parts(system, "system")
    if not all(isinstance(part, Text) for part in parts):
        raise BadRequest("Only text is expected in 'system'.", param="system")
    return [Message(role="system", parts=parts)]


def _message(index: int, raw: msgspec.Raw, reader: Blocks) -> list[Message]:
    """Return the message, or nothing if all of it is left out."""
    place = f"messages[{index}]"
    wire = read_at(_read_message, raw, place)
    if isinstance(wire.content, str):
        return [Message(role=wire.role, parts=(Text(text=wire.content),))]
    parts = reader.parts(wire.content, f"{place}.content")
    return [Message(role=wire.role, parts=parts)] if parts or not wire.content else []


# -- tools ------------------------------------------------------------------------------------------------------------


def _tools(wishes: _Wishes) -> tuple[Tool, ...]:
    tools = []
    for index, wire in enumerate(wishes.tools or ()):
        if wire.type not in (None, "custom"):
            _server_tool(index, wire)
            continue
        if not wire.name:
            raise BadRequest(f"Missing required parameter: 'tools[{index}].name'.", param=f"tools[{index}].name")
        tools.append(
            Tool(
                name=wire.name,
                description=wire.description or "",
                parameters=None if wire.input_schema is ABSENT or wire.input_schema == NULL else wire.input_schema,
                strict=wire.strict,
                cache=cache_mark(wire.cache_control),
            )
        )
    return tuple(tools)


def _server_tool(index: int, wire: _Tool) -> None:
    """A tool of Anthropic's own is left out, if it is one that is known to be such."""
    if row("tools[]", wire.type or "") is None:
        place = f"tools[{index}].type"
        raise BadRequest(f"Unsupported tool for a translated request: '{wire.type}' in '{place}'.", param=place)


def _tool_choice(wishes: _Wishes, tools: tuple[Tool, ...]) -> ToolChoice | None:
    choice = wishes.tool_choice
    if choice is None:
        return None
    named = choice.type == "tool" and choice.name not in {tool.name for tool in tools}
    if named or (choice.type == "any" and not tools):
        what = f"the tool '{choice.name}'" if named else "a tool"
        raise BadRequest(f"'tool_choice' asks for {what}, and no client's tool is that.", param="tool_choice")
    match choice.type:
        case "tool":
            return ToolChoice(mode="named", name=choice.name)
        case "any":
            return ToolChoice(mode="required")
        case "auto" | "none":
            return ToolChoice(mode=choice.type) if tools else None


# -- reasoning and output ---------------------------------------------------------------------------------------------


def _thinking(wishes: _Wishes) -> Thinking | None:
    word = wishes.output_config.effort if wishes.output_config else None
    effort: Effort | None = "xhigh" if word == "max" else word
    wire = wishes.thinking
    if wire is None:
        return Thinking(effort=effort) if effort else None
    show = {"summarized": True, "omitted": False}.get(wire.display or "")
    match wire.type:
        case "enabled":
            if wire.budget_tokens is None or wire.budget_tokens < MIN_BUDGET:
                place = "thinking.budget_tokens"
                raise BadRequest(f"Invalid value for '{place}': at least {MIN_BUDGET} is expected.", param=place)
            return Thinking(effort=effort, budget_tokens=wire.budget_tokens, show=show)
        case "adaptive":
            return Thinking(effort=effort, adaptive=True, show=show)
        case "disabled" | "between_tools":
            return Thinking(effort="none")
    raise BadRequest(f"Unsupported value for 'thinking.type': '{wire.type}'.", param="thinking.type")


def _output(wishes: _Wishes) -> OutputFormat | None:
    place, wire = "output_config.format", wishes.output_config.format if wishes.output_config else None
    if wire is None:
        place, wire = "output_format", wishes.output_format
    if wire is None:
        return None
    if wire.type != "json_schema" or wire.schema is ABSENT:
        raise BadRequest(f"Invalid value for '{place}': a 'json_schema' with a schema is expected.", param=place)
    return OutputFormat(schema=wire.schema)
