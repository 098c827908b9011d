"""Conversations of other dialects' clients, and the requests that Anthropic gets for them: shared by the tests."""

import json

import msgspec
import pytest

from sluice.chat.content import Message, Part, Role, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, Tool
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.errors import BadRequest

Json = dict[str, object]
ORIGIN = "dialect.anthropic_messages"
OWN = Reasoning("hm", Seal(ORIGIN, "reasoning", "EqQB/+="))
FOREIGN = Reasoning("ha", Seal("dialect.gemini", "reasoning", "Ab"))
CALL = ToolUse(id="call_1", name="f", arguments='{"a": 1.0}')
RESULT = ToolResult(call_id="call_1", parts=(Text(text="x"),))
TOOL = Tool(name="f", parameters=msgspec.Raw(b'{"type":"object"}'))


def said(role: Role, *parts: Part | str) -> Message:
    return Message(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


HI = said("user", "hi")


def write(*messages: Message, **asked: object) -> Json:
    """The body for a conversation of these messages; `asked` are its other members, and `model` and `stream`."""
    model, stream = asked.pop("model", "claude-sonnet-4-5"), asked.pop("stream", False)
    conversation = Conversation(messages=messages or (HI,), **asked)  # type: ignore[arg-type]
    raw = ANTHROPIC_MESSAGES.write_conversation(conversation, model=str(model), stream=bool(stream), ask_usage=True)
    body = json.loads(raw)
    assert isinstance(body, dict)
    return body


def refused(*messages: Message, **asked: object) -> BadRequest:
    """What is said of a conversation that cannot be written."""
    with pytest.raises(BadRequest) as caught:
        write(*messages, **asked)
    return caught.value


def turns(*messages: Message) -> list[tuple[str, list[Json]]]:
    """The messages as they are written: role and blocks."""
    rows = write(*messages)["messages"]
    assert isinstance(rows, list)
    return [(row["role"], row["content"]) for row in rows]


def text(words: str) -> Json:
    return {"type": "text", "text": words}
