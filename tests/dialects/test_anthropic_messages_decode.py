"""anthropic_messages/decode.py: what providers send, regular and not."""

import pytest

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Reasoning, Seal
from sluice.chat.usage import Usage
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.anthropic_messages.facts import FACTS
from sluice.testing.cuts import every_single_cut, one_byte_at_a_time, random_cuts
from tests.dialects.messages_events import (
    STREAMS,
    block,
    decode,
    end,
    event,
    fold,
    piece,
    start,
    thought,
    words,
)

ORIGIN = "dialect.anthropic_messages"
STARTED = Started("msg_1", "claude-x")


def test_text_its_usage_and_its_end() -> None:
    assert decode(STREAMS["text"]) == [
        STARTED,
        Reported(Usage(input_tokens=3, output_tokens=1)),
        TextDelta(0, "text", ""),
        TextDelta(0, "text", "Grüße "),
        TextDelta(0, "text", "🌍\n\u2028"),
        ChoiceFinished(0, "stop", "end_turn"),
        Reported(Usage(input_tokens=3, output_tokens=9)),
        Ended(),
    ]


def test_reasoning_is_sealed_at_its_end_and_calls_are_counted_apart_from_blocks() -> None:
    assert decode(STREAMS["thinking"])[2:] == [
        TextDelta(0, "reasoning", "hm "),
        TextDelta(0, "reasoning", "ja"),
        Sealed(0, Seal(ORIGIN, "reasoning", "EqQB/+=")),
        Sealed(0, Seal(ORIGIN, "redacted", "opaque+/=")),
        TextDelta(0, "text", ""),
        TextDelta(0, "text", "so"),
        ToolCallStarted(0, 0, "toolu_1", "f"),
        ToolCallDelta(0, 0, '{"a":'),
        ToolCallDelta(0, 0, ' "}"}'),
        ToolCallStarted(0, 1, "toolu_2", "g"),
        ToolCallDelta(0, 1, "{}"),
        ChoiceFinished(0, "tool_calls", "tool_use"),
        Reported(
            Usage(input_tokens=23, output_tokens=40, cache_read_tokens=7, cache_write_tokens=11, reasoning_tokens=30)
        ),
        Ended(),
    ]


def test_tools_that_the_provider_runs_are_no_calls_of_the_client() -> None:
    events = decode(STREAMS["search"])
    assert not any(isinstance(event, ToolCallStarted | ToolCallDelta) for event in events)
    assert [event.what for event in events if isinstance(event, Unrecognised)] == [
        "block:server_tool_use",
        "block:web_search_tool_result",
        "event:content_block_novelty",
    ]
    # the citation comes at its block's end, and says which of the answer's characters it is for
    at = events.index(Cited(0, Citation(url="https://e.org", title="t", quote="q", start=10, end=15)))
    assert events[at - 1] == TextDelta(0, "text", "found")
    (choice,) = fold(events).choices
    assert choice.text == "I search. found"


@pytest.mark.parametrize("name", STREAMS)
def test_every_cut_of_the_bytes_gives_the_same_events(name: str) -> None:
    stream = STREAMS[name]
    expected = decode(stream)
    assert isinstance(expected[-1], Ended)
    assert decode(*one_byte_at_a_time(stream)) == expected
    for pieces in [*random_cuts(stream, seed=1, n=50), *every_single_cut(stream)]:
        assert decode(*pieces) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_crlf_and_comments_change_nothing(name: str) -> None:
    stream = STREAMS[name]
    assert decode(stream.replace(b"\n", b"\r\n").replace(b"event: ping", b": a comment\r\n\r\nevent: ping")) == (
        decode(stream)
    )


# -- usage -----------------------------------------------------------------------------------------------------------


def usages(*chunks: bytes) -> list[Usage]:
    return [event.usage for event in decode(*chunks) if isinstance(event, Reported)]


def test_later_counts_replace_earlier_ones_member_by_member() -> None:
    early = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 100}
    late = {"output_tokens": 7, "input_tokens": 12, "cache_creation_input_tokens": 1000}
    assert usages(start(early), end(usage=late)) == [
        Usage(input_tokens=110, output_tokens=1, cache_read_tokens=100),
        Usage(input_tokens=1112, output_tokens=7, cache_read_tokens=100, cache_write_tokens=1000),
    ]


def test_usage_that_is_null_missing_or_only_at_the_end() -> None:
    assert usages(start(), end()) == []
    nulls = {"input_tokens": None, "output_tokens": 2, "cache_read_input_tokens": None, "output_tokens_details": None}
    assert usages(start(), end(usage=nulls)) == [Usage(output_tokens=2)]


# -- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
        ("a novelty", "stop"),
    ],
)
def test_reasons_keep_the_native_word(native: str, reason: str) -> None:
    finished = [event for event in decode(start(), end(native)) if isinstance(event, ChoiceFinished)]
    assert finished == [ChoiceFinished(0, reason, native)]  # type: ignore[arg-type]
    assert FACTS.finish_read.get(native, "stop") == reason


def test_the_stop_sequence_that_was_met_is_told() -> None:
    events = decode(start(), end("stop_sequence", stop_sequence="\n\nHuman:"))
    assert ChoiceFinished(0, "stop", "stop_sequence", "\n\nHuman:") in events


def test_a_refusals_explanation_is_its_text() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "no"}
    events = decode(start(), block(0, "text", words("a"), text=""), end("refusal", stop_details=details))
    (choice,) = fold(events).choices
    assert (choice.text, choice.refusal, choice.finish) == ("a", "no", "refusal")


def test_a_reason_without_the_terminator_is_no_end() -> None:
    events = decode(start(), event("message_delta", delta={"stop_reason": "end_turn"}))
    assert not any(isinstance(event, Ended) for event in events)
    assert list(ANTHROPIC_MESSAGES.decoder(keep_leftovers=False).finish()) == []


def test_the_reason_in_two_message_deltas_is_told_once() -> None:
    twice = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
    events = decode(start(), twice, twice, event("message_stop"))
    assert sum(isinstance(event, ChoiceFinished) for event in events) == 1
    fold(events)


def test_a_done_marker_of_another_api_is_nothing() -> None:
    assert decode(b"data: [DONE]\n\n") == [Unrecognised("event:[DONE]")]


# -- tool calls ------------------------------------------------------------------------------------------------------


def arguments(*chunks: bytes) -> list[str]:
    (choice,) = fold(decode(start(), *chunks)).choices
    return [call.arguments for call in choice.tool_calls]


def test_a_call_whose_input_is_in_its_start() -> None:
    call = block(0, "tool_use", id="t", name="f", input={"a": [1, "é"]})
    assert arguments(call, end("tool_use")) == ['{"a": [1, "é"]}']


def test_deltas_take_the_place_of_the_input_in_the_start() -> None:
    call = block(0, "tool_use", piece('{"b":2}'), id="t", name="f", input={"a": 1})
    assert arguments(call, end("tool_use")) == ['{"b":2}']


def test_a_call_that_was_cut_off_keeps_its_raw_text() -> None:
    call = block(0, "tool_use", piece('{"b":'), id="t", name="f", input={})
    assert arguments(call, end("max_tokens")) == ['{"b":']
    # and one that had not begun to say its arguments did not say that it has none
    assert arguments(block(0, "tool_use", id="t", name="f", input={}), end("max_tokens")) == [""]


def test_blocks_of_a_careless_provider_end_with_the_answer() -> None:
    opened = event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "f"})
    assert arguments(opened, end("tool_use")) == ["{}"]


# -- reasoning -------------------------------------------------------------------------------------------------------


def test_reasoning_that_is_not_shown_is_a_seal_alone() -> None:
    hidden = block(0, "thinking", {"type": "signature_delta", "signature": "S"}, thinking="", signature="")
    (choice,) = fold(decode(start(), hidden, end())).choices
    assert choice.parts == (Reasoning("", Seal(ORIGIN, "reasoning", "S")),)


def test_a_signature_in_the_start_of_the_block() -> None:
    shown = block(0, "thinking", thinking="a", signature="S")
    (choice,) = fold(decode(start(), shown, end())).choices
    assert choice.parts == (Reasoning("a", Seal(ORIGIN, "reasoning", "S")),)


def test_reasoning_without_a_signature_is_not_sealed() -> None:
    (choice,) = fold(decode(start(), block(0, "thinking", thought("a"), thinking=""), end())).choices
    assert choice.parts == (Reasoning("a", None),)


def test_content_that_was_there_before_the_stream_is_content() -> None:
    prefilled = start(None, content=[{"type": "text", "text": "a"}])
    (choice,) = fold(decode(prefilled, block(1, "text", words("b"), text=""), end())).choices
    assert choice.text == "ab"
