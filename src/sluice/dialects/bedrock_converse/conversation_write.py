"""A conversation to the body of Converse and ConverseStream: they are the same, and the model stands in the address.

    system, messages (roles alternate), inferenceConfig, toolConfig, outputConfig, additionalModelRequestFields

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, read 2026-11-21.
"""

import msgspec

from sluice.chat import carry
from sluice.chat.content import Message, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, OutputFormat, Tool, with_tool_names
from sluice.dialects.bedrock_converse import models
from sluice.dialects.bedrock_converse.blocks import Block, Blocks, add_mark
from sluice.dialects.bedrock_converse.facts import FACTS
from sluice.dialects.bedrock_converse.schema import MODULE_ID
from sluice.dialects.reading import UNREADABLE
from sluice.errors import BadRequest

MAX_MARKS = 4
"""Cache marks that a request may hold."""

_ANY_OBJECT = msgspec.Raw(b'{"type":"object","properties":{}}')
_OBJECT = msgspec.Raw(b'"object"')
_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def write(conversation: Conversation, *, model: str) -> bytes:
    """Write a conversation.

    Raises:
        BadRequest: something of it cannot be said here; `param` is the client's own word for it.
    """
    conversation = carry.fit(conversation, FACTS.carries, FACTS.title)
    body: dict[str, object] = {}
    system, messages = _messages(conversation, model)
    if system:
        body["system"] = system
    body["messages"] = messages
    if inference := _inference(conversation):
        body["inferenceConfig"] = inference
    if tools := _tools(conversation, model):
        body["toolConfig"] = tools
    extras, effort = models.extras(conversation, model)
    output: dict[str, object] = {}
    if conversation.output is not None:
        output["textFormat"] = _text_format(conversation.output)
    if effort:
        output["effort"] = effort
    if output:
        body["outputConfig"] = output
    if extras:
        body["additionalModelRequestFields"] = extras
    if conversation.stop and models.family(model) in ("claude", "hidden"):
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]  # which one was met, Converse itself never says
    return _encode(body)


def _messages(conversation: Conversation, model: str) -> tuple[list[Block], list[Block]]:
    """System messages go to their own place, wherever they stood; of the others, neighbours of one role are joined."""
    blocks = Blocks(marks=models.caches(model))
    system: list[Block] = []
    messages: list[tuple[str, list[Block]]] = []
    for message in conversation.messages:
        content = blocks.of(carry.own_seals(message, MODULE_ID))
        if message.role == "system":
            _only_text(content)
            system += content
        elif messages and messages[-1][0] == message.role:
            messages[-1][1].extend(content)
        elif content:
            messages.append((message.role, content))
    everything = [system, *(content for _, content in messages)]
    marks = sum("cachePoint" in block for content in everything for block in content)
    if conversation.cache is not None and messages and models.caches(model) and marks < MAX_MARKS:
        add_mark(conversation.cache, messages[-1][1])
    return system, [{"role": role, "content": content} for role, content in messages]


def _only_text(blocks: list[Block]) -> None:
    if any(not block.keys() & {"text", "cachePoint"} for block in blocks):
        words = "A system message can hold only text when it is sent to Amazon Bedrock Converse."
        raise BadRequest(words, param="messages")


def _inference(conversation: Conversation) -> dict[str, object]:
    asked = {
        "maxTokens": conversation.max_tokens,
        "temperature": conversation.temperature,
        "topP": conversation.top_p,
        "stopSequences": conversation.stop or None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _tools(conversation: Conversation, model: str) -> dict[str, object]:
    """`toolConfig`; empty = none. The API demands one where the history holds calls or results."""
    past = _past_tools(conversation.messages)
    choice = conversation.tool_choice
    if not past and choice is not None and choice.mode == "none":
        return {}
    tools: list[Block] = []
    for tool in conversation.tools or past:
        tools.append({"toolSpec": _tool(tool)})
        if tool.cache is not None and models.caches(model, tools=True):
            add_mark(tool.cache, tools)
    config: dict[str, object] = {"tools": tools} if tools else {}
    if choice is not None and conversation.tools and choice.mode != "none":
        config["toolChoice"] = {
            "auto": {"auto": {}},
            "required": {"any": {}},
            "named": {"tool": {"name": choice.name}},
        }[choice.mode]
    return config


def _past_tools(messages: tuple[Message, ...]) -> tuple[Tool, ...]:
    """The tools that were called, as far as the history tells: their names."""
    names: dict[str, None] = {}
    for message in with_tool_names(messages):
        for part in message.parts:
            if isinstance(part, ToolUse | ToolResult):
                names[part.name or "tool"] = None
    return tuple(Tool(name=name) for name in names)


def _tool(tool: Tool) -> dict[str, object]:
    spec: dict[str, object] = {"name": tool.name}
    if tool.description.strip():
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": _schema(tool)}
    if tool.strict:
        spec["strict"] = True
    return spec


def _schema(tool: Tool) -> msgspec.Raw | dict[str, msgspec.Raw]:
    """The client's own schema, byte for byte; one that does not say that it is an object's is made to."""
    if tool.parameters is None:
        return _ANY_OBJECT
    try:
        fields = _read_fields(tool.parameters)
    except UNREADABLE:
        raise BadRequest(f"The parameters of the tool '{tool.name}' are not a JSON schema.", param="tools") from None
    return tool.parameters if "type" in fields else {"type": _OBJECT} | fields


def _text_format(output: OutputFormat) -> dict[str, object]:
    try:
        schema: dict[str, object] = {"schema": bytes(output.schema or b"{}").decode("utf-8")}
    except UnicodeDecodeError:
        raise BadRequest("The schema of the output is not valid UTF-8.") from None
    said = {"name": output.name, "description": output.description}
    schema |= {name: value for name, value in said.items() if value}
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _encode(body: dict[str, object]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:  # a lone surrogate somewhere, which no UTF-8 can say
        return msgspec.json.encode(_sayable(body))


def _sayable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_sayable(name): _sayable(member) for name, member in value.items()}
    return [_sayable(member) for member in value] if isinstance(value, list | tuple) else value
