"""anthropic_messages: requests there and back, and any history written."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.chat.content import (
    CacheMark,
    Message,
    Part,
    Refusal,
    Text,
    ToolResult,
    ToolUse,
)
from sluice.chat.conversation import Thinking
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from tests.dialects.messages_asked import HI, ORIGIN, write
from tests.dialects.messages_bodies import CLAUDE_CODE, request


def test_claude_codes_request_comes_back_whole() -> None:
    conversation = ANTHROPIC_MESSAGES.read_conversation(request(**CLAUDE_CODE))
    raw = ANTHROPIC_MESSAGES.write_conversation(conversation, model="claude-sonnet-4-5", stream=True, ask_usage=True)
    dropped = ("betas", "context_management")
    assert json.loads(raw) == {name: value for name, value in CLAUDE_CODE.items() if name not in dropped}


texts = st.text(st.characters(), max_size=4)
marks = st.none() | st.builds(CacheMark, ttl=st.sampled_from(["", "5m", "1h", "24h"]))
seals = st.none() | st.builds(
    Seal, st.sampled_from([ORIGIN, "dialect.gemini"]), st.sampled_from(["reasoning", "redacted", "call", "text"]), texts
)
pieces: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, text=texts, cache=marks),
    st.builds(Refusal, text=texts),
    st.builds(Reasoning, texts, seals),
    st.builds(ToolUse, id=texts, name=texts, arguments=st.sampled_from(["", "{}", ' {"a":"}"} ']), cache=marks),
    st.builds(ToolResult, call_id=texts, parts=st.lists(st.builds(Text, text=texts), max_size=2).map(tuple)),
)
histories = st.lists(
    st.builds(Message, role=st.sampled_from(["user", "assistant"]), parts=st.lists(pieces, max_size=4).map(tuple)),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(histories, st.sampled_from([None, Thinking(effort="high"), Thinking(effort="none")]))
def test_whatever_the_history_the_request_is_legal(history: list[Message], thinking: Thinking | None) -> None:
    rows = write(HI, *history, thinking=thinking)["messages"]
    assert isinstance(rows, list)
    assert [row["role"] for row in rows] == [("user", "assistant")[i % 2] for i in range(len(rows))]
    for row in rows:
        kinds = [block["type"] for block in row["content"]]
        assert kinds
        results = kinds.count("tool_result")
        assert kinds[:results] == ["tool_result"] * results
        for block in row["content"]:
            assert block["type"] != "text" or block["text"].strip()
            assert block["type"] != "tool_use" or isinstance(block["input"], dict)
    json.dumps(rows).encode()
