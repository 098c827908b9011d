"""A conversation of another dialect, written as a Messages request.

What this API demands and nobody asked for is filled in: a bound on the output, a schema for each tool. What it forbids
side by side is decided here, and told in `facts.CARRIES`.
"""

import msgspec

from sluice.chat import carry
from sluice.chat.content import CacheMark, Message, Refusal, Text, ToolUse
from sluice.chat.conversation import Conversation, Tool
from sluice.dialects import objects
from sluice.dialects.anthropic_messages import blocks_write
from sluice.dialects.anthropic_messages.facts import FACTS
from sluice.dialects.anthropic_messages.thinking import plan, sampling
from sluice.dialects.claude import Plan
from sluice.dialects.writing import to_json
from sluice.errors import BadRequest

DEFAULT_MAX_TOKENS = 4096
"""Tokens of output where the client gives no bound; the API demands one (labs, issue 2)."""
_JSON_ONLY = "Answer with one valid JSON object and nothing else: no prose around it and no code fence."
_ANY_OBJECT = msgspec.Raw(b'{"type":"object"}')


def write(conversation: Conversation, *, model: str, stream: bool) -> bytes:
    """Write the body for a provider.

    Raises:
        BadRequest: something of it cannot be said in this dialect.
    """
    asked = carry.fit(conversation, FACTS.carries, FACTS.title)
    thinking = plan(asked, model)
    body: dict[str, object] = {"model": model, "max_tokens": _max_tokens(asked, thinking)}
    if system := _system(asked):
        body["system"] = system
    body["messages"] = blocks_write.messages(asked.messages)
    if not body["messages"]:
        raise BadRequest("At least one message that is not a system message is needed.", param="messages")
    _tools(asked, body)
    body |= sampling(asked, model, thinking)
    if thinking.config is not None:
        body["thinking"] = thinking.config
    if output := _output_config(asked, thinking):
        body["output_config"] = output
    if asked.stop:
        body["stop_sequences"] = asked.stop
    if asked.user:
        body["metadata"] = {"user_id": asked.user}
    if asked.cache is not None:
        body["cache_control"] = blocks_write.cache_control(asked.cache)
    if stream:
        body["stream"] = True
    return to_json(body)


def _max_tokens(asked: Conversation, thinking: Plan) -> int:
    if asked.max_tokens is not None:
        return asked.max_tokens
    return DEFAULT_MAX_TOKENS + thinking.budget_tokens


def _system(asked: Conversation) -> str | list[dict[str, object]]:
    """All system messages in their order: one plain text, or one block for each text."""
    texts = [text for message in asked.messages if message.role == "system" for text in _texts(message)]
    if asked.output is not None and asked.output.schema is None:
        texts.append(Text(text=_JSON_ONLY))
    if len(texts) == 1 and texts[0].cache is None:
        return texts[0].text
    return [blocks_write.text(text.text, text.cache) for text in texts]


def _texts(message: Message) -> list[Text]:
    texts = []
    for part in message.parts:
        if not isinstance(part, Text | Refusal):
            raise BadRequest("A system message can hold only text for Anthropic Messages.", param="messages")
        if part.text.strip():
            texts.append(part if isinstance(part, Text) else Text(text=part.text))
    return texts


def _output_config(asked: Conversation, thinking: Plan) -> dict[str, object]:
    config: dict[str, object] = {}
    if thinking.effort is not None:
        config["effort"] = thinking.effort
    if asked.output is not None and asked.output.schema is not None:
        config["format"] = {"type": "json_schema", "schema": asked.output.schema}
    return config


# -- tools ------------------------------------------------------------------------------------------------------------


def _tools(asked: Conversation, body: dict[str, object]) -> None:
    tools: list[dict[str, object]] = [_tool(tool) for tool in asked.tools]
    if not tools:
        # calls in the history without a definition are refused; a tool that was not offered is not to be called
        names = dict.fromkeys(p.name for m in asked.messages for p in m.parts if isinstance(p, ToolUse))
        if names:
            body["tools"] = [{"name": name, "input_schema": _ANY_OBJECT} for name in names]
            body["tool_choice"] = {"type": "none"}
        return
    body["tools"] = tools
    if choice := _tool_choice(asked):
        body["tool_choice"] = choice


def _tool(tool: Tool) -> dict[str, object]:
    row: dict[str, object] = {"name": tool.name}
    if tool.description:
        row["description"] = tool.description
    row["input_schema"] = objects.schema(tool, _ANY_OBJECT)
    if tool.strict is not None:
        row["strict"] = tool.strict
    return row | _marked(tool.cache)


def _marked(cache: CacheMark | None) -> dict[str, object]:
    return {} if cache is None else {"cache_control": blocks_write.cache_control(cache)}


_MODES = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}


def _tool_choice(asked: Conversation) -> dict[str, object] | None:
    mode = asked.tool_choice.mode if asked.tool_choice is not None else "auto"
    alone = asked.parallel_tool_calls is False and mode != "none"
    if asked.tool_choice is None and not alone:
        return None
    choice: dict[str, object] = {"type": _MODES[mode]}
    if asked.tool_choice is not None and mode == "named":
        choice["name"] = asked.tool_choice.name
    if alone:
        choice["disable_parallel_tool_use"] = True
    return choice
