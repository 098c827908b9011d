"""Reasoning of another provider's through a Gemini client and back: the tool loop."""

from typing import Any

from google.genai import types

from sluice.chat import seal
from sluice.chat.content import Text, ToolResult, ToolUse
from sluice.chat.events import ChoiceFinished, Ended, Event, Sealed, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.seal import Reasoning, Seal
from tests.dialects.gemini import DESK, chunks_of, client, encode, messages, model, read

SIG = Seal("dialect.gemini", "call", "c2ln+/==")
FOREIGN = Seal("dialect.anthropic_messages", "reasoning", "sig")


def written(*events: Event) -> list[dict[str, Any]]:
    """The parts of a stream, as a client keeps them."""
    rows = [row for chunk in chunks_of(encode([*events])) for row in chunk["candidates"]]
    return [part for row in rows for part in row["content"]["parts"]]


STEP: list[Event] = [
    TextDelta(0, "reasoning", "why "),
    TextDelta(0, "reasoning", "not"),
    Sealed(0, FOREIGN),
    TextDelta(0, "text", "t"),
    ToolCallStarted(0, 0, "x", "f"),
    ToolCallDelta(0, 0, '{"a":1}'),
    ToolCallStarted(0, 1, "y", "g"),
    ToolCallDelta(0, 1, "{}"),
    ChoiceFinished(0, "tool_calls", "tool_use"),
    Ended(),
]


HISTORY = (
    Reasoning("why not", FOREIGN),
    Text(text="t"),
    ToolUse(id="x", name="f", arguments='{"a":1}'),
    ToolUse(id="y", name="g", arguments="{}"),
)


def test_foreign_reasoning_comes_back_whole_before_what_it_led_to() -> None:
    parts = written(*STEP)
    assert model(*parts) == HISTORY
    assert model(*[part for part in parts if not part.get("thought")]) == HISTORY


def test_foreign_reasoning_of_an_answer_without_a_call_comes_back() -> None:
    parts = written(*STEP[:4], ChoiceFinished(0, "stop", "stop"), Ended())
    assert model(*parts) == HISTORY[:2]


def test_foreign_reasoning_survives_the_official_clients_chat() -> None:
    chat = client(encode(STEP)).chats.create(model="m")
    list(chat.send_message_stream("hi"))
    DESK.body = encode([TextDelta(0, "text", "done"), ChoiceFinished(0, "stop", "stop"), Ended()])
    result = types.Part(function_response=types.FunctionResponse(id="x", name="f", response={"result": "r"}))
    list(chat.send_message_stream(result))
    user, asked, told = read(DESK.asked).messages
    assert user.parts == (Text(text="hi"),)
    assert asked.parts == HISTORY
    assert told.parts == (ToolResult(call_id="x", name="f", parts=(Text(text="r"),)),)


def test_reasoning_in_an_id_comes_back_too() -> None:
    call_id = seal.join_id("x", [Reasoning("", SIG)])
    parts = [{"functionCall": {"id": call_id, "name": "f"}}]
    asked, told = messages(
        {"role": "model", "parts": parts}, {"parts": [{"functionResponse": {"id": call_id, "name": "f"}}]}
    )
    assert asked.parts == (Reasoning("", SIG), ToolUse(id="x", name="f", arguments="{}"))
    assert told.parts == (ToolResult(call_id="x", name="f"),)
