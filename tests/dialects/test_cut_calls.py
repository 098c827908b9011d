"""A call that was begun when its answer was cut: no dialect makes it one without arguments, which agents would run."""

import pytest

from sluice.chat.events import ChoiceFinished, Ended, Event, FinishReason, Started, ToolCallStarted
from sluice.chat.fold import Fold
from sluice.chat.request import ChatRequest
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.dialect import Dialect
from sluice.dialects.gemini import GEMINI
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.dialects.openai_responses import OPENAI_RESPONSES

NOTHING = {
    "dialect.openai_chat": b'"arguments":"{}"',
    "dialect.openai_responses": b'"arguments":"{}"',
    "dialect.anthropic_messages": b'"tool_use"',
    "dialect.gemini": b'"functionCall"',
}
"""What a call without arguments looks like."""


@pytest.mark.parametrize(("reason", "cut"), [("length", True), ("content_filter", True), ("tool_calls", False)])
@pytest.mark.parametrize("dialect", [OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, GEMINI])
def test_what_was_cut_off_is_not_nothing(dialect: Dialect, reason: FinishReason, cut: bool) -> None:
    events: list[Event] = [
        Started("a1", "m"),
        ToolCallStarted(0, 0, "call_1", "look"),
        ChoiceFinished(0, reason, reason),
        Ended(),
    ]
    encoder, fold = dialect.encoder(ChatRequest(model="m", stream=True)), Fold()
    for event in events:
        fold.add(event)
    stream = b"".join([encoder.encode(event) for event in events])
    whole = dialect.write_answer(fold.answer(), ChatRequest(model="m"))
    nothing = NOTHING[dialect.module_id]
    assert (nothing not in stream, nothing not in whole) == (cut, cut)
