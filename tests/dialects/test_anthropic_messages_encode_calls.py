"""anthropic_messages/encode.py and arguments.py: tool calls, which a client sees whole or not at all."""

from collections.abc import Sequence

import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from tests.dialects.messages_events import (
    REQUEST,
    OfficialClient,
    encode,
    kinds_of,
    plain,
    rows_of,
)

STARTED = Started("msg_1", "claude-x")
CALLS = ChoiceFinished(0, "tool_calls", "tool_calls")
CLIENT = OfficialClient()


def content(events: Sequence[Event]) -> list[dict[str, object]]:
    """The content that the official client accumulates from these events, which end the answer."""
    message = plain(CLIENT.stream(encode([STARTED, *events, Ended()])))
    assert isinstance(message["content"], list)
    return message["content"]


def test_a_call_is_written_whole_as_soon_as_its_arguments_are() -> None:
    encoder = ANTHROPIC_MESSAGES.encoder(REQUEST)
    encoder.encode(TextDelta(0, "text", "a"))
    assert kinds_of(encoder.encode(ToolCallStarted(0, 0, "call_1", "f"))) == ["content_block_stop"]
    assert encoder.encode(ToolCallDelta(0, 0, '{"a":{"b":"}')) == b""
    assert encoder.encode(ToolCallDelta(0, 0, '\\"}"}')) == b""
    rows = rows_of(encoder.encode(ToolCallDelta(0, 0, " }")))
    assert rows == [
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"a":{"b":"}\\"}"} }'},
        },
        {"type": "content_block_stop", "index": 1},
    ]
    assert encoder.encode(ToolCallDelta(0, 0, " ")) == b""


def test_calls_whose_arguments_interleave_come_one_after_the_other() -> None:
    events: list[Event] = [
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallDelta(0, 0, '{"a"'),
        ToolCallDelta(0, 1, '{"b"'),
        ToolCallDelta(0, 1, ":2}"),
        TextDelta(0, "text", "after"),
        ToolCallDelta(0, 0, ":1}"),
        CALLS,
    ]
    assert content(events) == [
        {"type": "tool_use", "id": "t0", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "t1", "name": "g", "input": {"b": 2}},
        {"type": "text", "text": "after"},
    ]


@pytest.mark.parametrize("pieces", [[], [""], ["{}"], ["null"], [" ", "{", " }"]])
def test_no_arguments_are_an_empty_object(pieces: list[str]) -> None:
    events: list[Event] = [ToolCallStarted(0, 0, "t", "f"), *(ToolCallDelta(0, 0, piece) for piece in pieces), CALLS]
    assert content(events) == [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]


@pytest.mark.parametrize("cut", ["", '{"a', '{"a":1', '{"a":"}"'])
def test_a_call_that_was_cut_off_is_left_out(cut: str) -> None:
    events: list[Event] = [
        TextDelta(0, "text", "a"),
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallDelta(0, 0, '{"b":1}'),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallDelta(0, 1, cut),
        ChoiceFinished(0, "length", "length"),
        Ended(),
    ]
    message = CLIENT.stream(encode([STARTED, *events]))
    assert message.stop_reason == "max_tokens"
    assert [part.type for part in message.content] == ["text", "tool_use"]


@pytest.mark.parametrize("broken", ["[1]", "{a}", '{"a":1', '"x"', '{"a":"\\ud800"}', "[" * 300 + "]" * 300])
def test_arguments_that_the_model_botched_are_shown_as_the_vendor_proposes(broken: str) -> None:
    events: list[Event] = [ToolCallStarted(0, 0, "t", "f"), ToolCallDelta(0, 0, broken), CALLS]
    assert content(events) == [{"type": "tool_use", "id": "t", "name": "f", "input": {"INVALID_JSON": broken}}]


def test_what_follows_the_arguments_is_not_theirs() -> None:
    events: list[Event] = [
        ToolCallStarted(0, 0, "t", "f"),
        ToolCallDelta(0, 0, '{"a":1}{"a":1}'),
        ToolCallDelta(0, 0, "}"),
        CALLS,
    ]
    assert content(events) == [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    events: list[Event] = [ToolCallStarted(0, 0, "", "f"), ToolCallStarted(0, 1, "", "f"), CALLS]
    assert [part["id"] for part in content(events)] == ["toolu_1_0", "toolu_1_1"]


def test_a_call_that_was_never_started_is_a_call() -> None:
    events: list[Event] = [ToolCallDelta(0, 3, '{"a":1}'), CALLS]
    assert content(events) == [{"type": "tool_use", "id": "toolu_1_0", "name": "", "input": {"a": 1}}]
