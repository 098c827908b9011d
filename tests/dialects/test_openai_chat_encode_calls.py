"""openai_chat: tool calls, seals and citations as clients get them, streamed and whole."""

import json

import pytest

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Event,
    FinishReason,
    Sealed,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.request import ChatRequest
from sluice.chat.seal import MARK, Reasoning, Seal, split_id
from sluice.dialects.openai_chat import OPENAI_CHAT
from tests.dialects.chunks import chunks_of, decode, deltas_of, encode, fold, frames_of

STOP = ChoiceFinished(0, "stop", "stop")


@pytest.mark.parametrize(("reason", "arguments"), [("tool_calls", "{}"), ("stop", "{}"), ("length", "")])
def test_no_arguments_of_a_complete_call_are_an_empty_object(reason: FinishReason, arguments: str) -> None:
    events: list[Event] = [ToolCallStarted(0, 0, "t", "f"), ToolCallDelta(0, 0, ""), ChoiceFinished(0, reason, "x")]
    assert fold(decode(*frames_of(encode(events)))).choices[0].tool_calls[0].arguments == arguments
    written = json.loads(OPENAI_CHAT.write_answer(fold(events), ChatRequest()))
    assert written["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == arguments


def test_arguments_cut_off_by_length_stay_as_they_are() -> None:
    events: list[Event] = [
        ToolCallStarted(0, 0, "t", "f"),
        ToolCallDelta(0, 0, '{"a'),
        ChoiceFinished(0, "length", "x"),
    ]
    assert fold(decode(*frames_of(encode(events)))).choices[0].tool_calls[0].arguments == '{"a'


LEGACY = OPENAI_CHAT.read_request(b'{"messages":[],"functions":[{"name":"f"}]}')
CUSTOM = OPENAI_CHAT.read_request(b'{"messages":[],"tools":[{"type":"custom","custom":{"name":"f"}}]}')
TWO_CALLS: list[Event] = [
    ToolCallStarted(0, 0, "t", "f"),
    ToolCallDelta(0, 0, '{"a":1}'),
    ToolCallStarted(0, 1, "u", "g"),
    ToolCallDelta(0, 1, "{}"),
    ChoiceFinished(0, "tool_calls", "tool_use"),
]


def stream_for(request: ChatRequest, events: list[Event]) -> bytes:
    encoder = OPENAI_CHAT.encoder(request)
    return b"".join([encoder.encode(event) for event in events])


def test_a_client_of_functions_gets_a_function_call() -> None:
    stream = stream_for(LEGACY, TWO_CALLS)
    assert deltas_of(stream) == [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"a":1}'}},
        {},
    ]
    assert chunks_of(stream)[-1]["choices"][0]["finish_reason"] == "function_call"  # type: ignore[index]
    (choice,) = json.loads(OPENAI_CHAT.write_answer(fold(TWO_CALLS), LEGACY))["choices"]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"a":1}'}
    assert choice["finish_reason"] == "function_call"


def test_a_custom_tool_is_called_as_one() -> None:
    stream = stream_for(CUSTOM, TWO_CALLS)
    calls = [delta["tool_calls"][0] for delta in deltas_of(stream) if "tool_calls" in delta]  # type: ignore[index]
    assert calls == [
        {"index": 0, "id": "t", "type": "custom", "custom": {"name": "f", "input": ""}},
        {"index": 0, "custom": {"input": '{"a":1}'}},
        {"index": 1, "id": "u", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    (choice,) = json.loads(OPENAI_CHAT.write_answer(fold(TWO_CALLS), CUSTOM))["choices"]
    assert choice["message"]["tool_calls"][0]["custom"] == {"name": "f", "input": '{"a":1}'}


# -- seals and citations -----------------------------------------------------------------------------------------------

PROOF = Seal("dialect.x", "reasoning", "proof==")
CALL_PROOF = Seal("dialect.x", "call", "call proof")
SEALED: list[Event] = [
    TextDelta(0, "reasoning", "h"),
    TextDelta(0, "reasoning", "m"),
    Sealed(0, PROOF),
    TextDelta(0, "text", "Look."),
    Sealed(0, CALL_PROOF),
    ToolCallStarted(0, 0, "t0", "f"),
    ToolCallStarted(0, 1, "t1", "g"),
    ChoiceFinished(0, "tool_calls", "tool_use"),
]


def test_sealed_reasoning_travels_in_the_id_of_the_next_call_and_only_there() -> None:
    streamed = [call.id for call in fold(decode(*frames_of(encode(SEALED)))).choices[0].tool_calls]
    (choice,) = json.loads(OPENAI_CHAT.write_answer(fold(SEALED), ChatRequest()))["choices"]
    assert [call["id"] for call in choice["message"]["tool_calls"]] == streamed
    assert split_id(streamed[0]) == ("t0", (Reasoning("hm", PROOF), Reasoning("", CALL_PROOF)))
    assert streamed[1] == "t1"


def test_a_seal_that_no_call_follows_is_left_out() -> None:
    events = [*SEALED[:4], ChoiceFinished(0, "stop", "end_turn")]
    assert MARK.encode() not in encode(events)
    assert MARK.encode() not in OPENAI_CHAT.write_answer(fold(events), ChatRequest())
    assert deltas_of(encode(events))[-2:] == [{"content": "Look."}, {}]


def test_citations_are_annotations_by_url() -> None:
    cited = [Citation(url="https://a", title="A", start=1, end=2), Citation(title="no url"), Citation(url="https://b")]
    events: list[Event] = [
        TextDelta(0, "text", "x"),
        *[Cited(0, row) for row in cited],
        TextDelta(0, "text", "y"),
        STOP,
    ]
    at = {"url": "https://a", "title": "A", "start_index": 1, "end_index": 2}
    unknown = {"url": "https://b", "title": "", "start_index": 0, "end_index": 0}
    rows = [{"type": "url_citation", "url_citation": at}, {"type": "url_citation", "url_citation": unknown}]
    assert [d["annotations"] for d in deltas_of(encode(events)) if "annotations" in d] == [
        [{"index": index, **row}] for index, row in enumerate(rows)
    ]
    (choice,) = json.loads(OPENAI_CHAT.write_answer(fold(events), ChatRequest()))["choices"]
    assert choice["message"]["annotations"] == rows


def test_lower_choices_are_opened_before_higher_ones_as_far_as_they_were_asked_for() -> None:
    for choices, want in ((3, [0, 1, 2]), (1, [2])):
        rows = chunks_of(encode([TextDelta(2, "text", "a")], choices=choices))
        assert [row["choices"][0]["index"] for row in rows] == want  # type: ignore[index]
