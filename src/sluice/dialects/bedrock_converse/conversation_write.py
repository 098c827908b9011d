"""A conversation to the body of Converse and ConverseStream: they are the same, and the model stands in the address.

    system, messages (roles alternate), inferenceConfig, toolConfig, outputConfig, additionalModelRequestFields

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, read 2026-11-21.
"""

import msgspec

from sluice.chat import carry
from sluice.chat.content import Message, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, OutputFormat, Tool, with_tool_names
from sluice.dialects import claude, objects
from sluice.dialects.bedrock_converse import models
from sluice.dialects.bedrock_converse.blocks import Block, Blocks, add_mark
from sluice.dialects.bedrock_converse.facts import FACTS
from sluice.dialects.bedrock_converse.schema import MODULE_ID
from sluice.dialects.writing import to_json
from sluice.errors import BadRequest

MAX_MARKS = 4
"""Cache marks that a request may hold."""

_ANY_OBJECT = msgspec.Raw(b'{"type":"object","properties":{}}')


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
    if not messages:
        raise BadRequest("At least one message that is not a system message is needed.", param="messages")
    body["messages"] = messages
    plan = models.thinking(conversation, model)
    sampling = models.sampling(conversation, model, plan)
    if inference := _inference(conversation, sampling):
        body["inferenceConfig"] = inference
    if tools := _tools(conversation, model):
        body["toolConfig"] = tools
    extras = models.extras(conversation, model, plan, sampling.top_k)
    output: dict[str, object] = {}
    if conversation.output is not None:
        output["textFormat"] = _text_format(conversation)
    if plan.effort:
        output["effort"] = plan.effort
    if output:
        body["outputConfig"] = output
    if extras:
        body["additionalModelRequestFields"] = extras
    if conversation.stop and models.family(model) in ("claude", "hidden"):
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]  # which one was met, Converse itself never says
    return to_json(body)


def _messages(conversation: Conversation, model: str) -> tuple[list[Block], list[Block]]:
    """System messages go to their own place, wherever they stood; of the others, neighbours of one role are joined."""
    blocks = Blocks(marks=models.caches(model))
    system: list[Block] = []
    messages: list[tuple[str, list[Block]]] = []
    for index, message in enumerate(conversation.messages):
        place = f"messages[{index}]"
        content = blocks.of(claude.reasoning_first(carry.own_seals(message, MODULE_ID)), place)
        if message.role == "system":
            _only_text(content, place)
            system += content
        elif messages and messages[-1][0] == message.role:
            messages[-1][1].extend(content)
        elif content:
            messages.append((message.role, content))
    for _, content in messages:
        content[:] = _results_first(content)
    everything = [system, *(content for _, content in messages)]
    marks = sum("cachePoint" in block for content in everything for block in content)
    if conversation.cache is not None and messages and models.caches(model) and marks < MAX_MARKS:
        add_mark(conversation.cache, messages[-1][1])
    return system, [{"role": role, "content": content} for role, content in messages]


def _results_first(blocks: list[Block]) -> list[Block]:
    """Claude refuses a word between calls and their results. A cache point stays behind what it marks."""
    results: list[Block] = []
    others: list[Block] = []
    goal = others
    for block in blocks:
        if "cachePoint" not in block:
            goal = results if "toolResult" in block else others
        goal.append(block)
    return results + others


def _only_text(blocks: list[Block], place: str) -> None:
    if any(not block.keys() & {"text", "cachePoint"} for block in blocks):
        words = "A system message can hold only text when it is sent to Amazon Bedrock Converse."
        raise BadRequest(words, param=place)


def _inference(conversation: Conversation, sampling: claude.Sampling) -> dict[str, object]:
    asked = {
        "maxTokens": conversation.max_tokens,
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
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
    spec["inputSchema"] = {"json": objects.schema(tool, _ANY_OBJECT)}
    if tool.strict:
        spec["strict"] = True
    return spec


def _text_format(conversation: Conversation) -> dict[str, object]:
    output = conversation.output or OutputFormat()
    try:
        schema: dict[str, object] = {"schema": bytes(output.schema or b"{}").decode("utf-8")}
    except UnicodeDecodeError:
        word = conversation.words.get("output_schema", "output_schema")
        raise BadRequest(f"'{word}': the schema is not valid UTF-8.", param=word) from None
    said = {"name": output.name, "description": output.description}
    schema |= {name: value for name, value in said.items() if value}
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}
