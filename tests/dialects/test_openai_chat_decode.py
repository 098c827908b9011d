"""openai_chat/decode.py: what providers send, regular and not."""

import json

import msgspec
import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Leftover,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.usage import Usage
from tests.dialects.chunks import chunk, data, decode

STARTED = Started("c1", "m", 7)


def test_the_first_chunk_says_who_answers_and_only_the_first() -> None:
    assert decode(chunk({"role": "assistant", "content": ""}), chunk({"content": "a"})) == [
        STARTED,
        TextDelta(0, "text", ""),
        TextDelta(0, "text", "a"),
    ]


def test_a_role_alone_opens_the_choice_once() -> None:
    frames = [chunk({"role": "assistant"}), chunk({"role": "assistant"}), chunk({"role": "assistant", "content": None})]
    assert decode(*frames) == [STARTED, TextDelta(0, "text", "")]


@pytest.mark.parametrize(
    ("delta", "channel"),
    [
        ({"content": "a"}, "text"),
        ({"refusal": "a"}, "refusal"),
        ({"reasoning_content": "a"}, "reasoning"),
        ({"reasoning": "a"}, "reasoning"),
        ({"reasoning_content": "a", "reasoning": "a"}, "reasoning"),
        ({"reasoning_content": "", "reasoning": "a"}, "reasoning"),
    ],
)
def test_each_channel(delta: dict[str, str], channel: str) -> None:
    assert decode(chunk(delta))[1:] == [TextDelta(0, channel, "a")]  # type: ignore[arg-type]


def test_all_channels_of_one_delta_are_read() -> None:
    events = decode(chunk({"content": "a", "reasoning": "b", "refusal": "c"}))
    assert {e.channel: e.text for e in events if isinstance(e, TextDelta)} == {
        "text": "a",
        "reasoning": "b",
        "refusal": "c",
    }


def test_azures_first_chunk_has_neither_choices_nor_names() -> None:
    azure = data({"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": [{}]})
    assert decode(azure, chunk({"content": "a"})) == [Started("", "", 0), STARTED, TextDelta(0, "text", "a")]
    assert decode(data({"choices": None})) == [Started("", "")]


def test_several_choices_in_one_chunk_and_in_several() -> None:
    both = data({"model": "m", "choices": [{"index": 1, "delta": {"content": "b"}}, {"delta": {"content": "a"}}]})
    assert decode(both, chunk({"content": "c"}, index=7))[1:] == [
        TextDelta(1, "text", "b"),
        TextDelta(0, "text", "a"),
        TextDelta(7, "text", "c"),
    ]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
        ("COMPLETE", "stop"),
    ],
)
def test_finish_reasons_keep_the_native_word(native: str, reason: str) -> None:
    assert decode(chunk({}, finish=native))[1:] == [ChoiceFinished(0, reason, native)]  # type: ignore[arg-type]


@pytest.mark.parametrize("native", ["", None])
def test_an_empty_finish_reason_is_none(native: str | None) -> None:
    assert decode(chunk({"content": "a"}, finish=native))[1:] == [TextDelta(0, "text", "a")]


def test_a_finish_in_the_same_chunk_comes_after_the_text() -> None:
    assert decode(chunk({"content": "a"}, finish="stop"))[1:] == [
        TextDelta(0, "text", "a"),
        ChoiceFinished(0, "stop", "stop"),
    ]
    assert decode(chunk(None, finish="stop"))[1:] == [ChoiceFinished(0, "stop", "stop")]


# -- tool calls --------------------------------------------------------------------------------------------------------


def call(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: str = "") -> object:
    part: dict[str, object] = {"function": {"name": name, "arguments": arguments}}
    return part | ({} if index is None else {"index": index}) | ({} if call_id is None else {"id": call_id})


def calls(*deltas: list[object]) -> list[object]:
    return list(decode(*(chunk({"tool_calls": delta}) for delta in deltas))[1:])


def test_a_tool_call_in_pieces_starts_once_though_its_id_is_repeated() -> None:
    assert calls([call(0, "t", "f")], [call(0, "t", "f", '{"a"')], [call(0, arguments=":1}")]) == [
        ToolCallStarted(0, 0, "t", "f"),
        ToolCallDelta(0, 0, '{"a"'),
        ToolCallDelta(0, 0, ":1}"),
    ]


def test_parallel_calls_by_index() -> None:
    assert calls([call(0, "t0", "f", "{}"), call(1, "t1", "g")], [call(1, arguments="[]")]) == [
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallDelta(0, 0, "{}"),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallDelta(0, 1, "[]"),
    ]


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    got = calls(
        [call(None, "t0", "f", "{")], [call(None, arguments="}")], [call(None, "t1", "g", "[")], [call(None, "t0")]
    )
    assert got == [
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallDelta(0, 0, "{"),
        ToolCallDelta(0, 0, "}"),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallDelta(0, 1, "["),
    ]
    assert calls([call(None, "t0", "f"), call(None, "t1", "g")], [call(None, "t1", arguments="1")])[-1] == (
        ToolCallDelta(0, 1, "1")
    )


def test_calls_without_index_and_id_go_by_position_or_to_the_last() -> None:
    assert calls(
        [call(None, None, "f"), call(None, None, "g")], [call(), call(arguments="1")], [call(arguments="2")]
    ) == [
        ToolCallStarted(0, 0, "", "f"),
        ToolCallStarted(0, 1, "", "g"),
        ToolCallDelta(0, 1, "1"),
        ToolCallDelta(0, 1, "2"),
    ]


def test_calls_of_two_choices_are_counted_apart() -> None:
    frames = [chunk({"tool_calls": [call(None, "t", "f")]}, index=index) for index in (0, 1)]
    assert decode(*frames)[1:] == [ToolCallStarted(0, 0, "t", "f"), ToolCallStarted(1, 0, "t", "f")]


def test_the_deprecated_function_call_is_a_tool_call() -> None:
    frames = [chunk({"function_call": {"name": "f", "arguments": "{"}}), chunk({"function_call": {"arguments": "}"}})]
    assert decode(*frames)[1:] == [
        ToolCallStarted(0, 0, "", "f"),
        ToolCallDelta(0, 0, "{"),
        ToolCallDelta(0, 0, "}"),
    ]


# -- usage, logprobs, leftovers ----------------------------------------------------------------------------------------

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 1, "cache_write_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 4},
}
COUNTED = Usage(
    input_tokens=10,
    output_tokens=20,
    cache_read_tokens=3,
    cache_write_tokens=2,
    reasoning_tokens=5,
    input_audio_tokens=1,
    output_audio_tokens=4,
)


def test_usage_in_its_own_chunk_and_in_the_finish_chunk() -> None:
    assert decode(data({"model": "m", "choices": [], "usage": USAGE}))[1:] == [Reported(COUNTED)]
    last = data({"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE})
    assert decode(last)[1:] == [ChoiceFinished(0, "stop", "stop"), Reported(COUNTED)]


def test_usage_that_is_null_or_has_null_members() -> None:
    assert decode(data({"model": "m", "choices": [], "usage": None}))[1:] == []
    half = {"prompt_tokens": 1, "completion_tokens": None, "prompt_tokens_details": None}
    assert decode(data({"model": "m", "usage": half}))[1:] == [Reported(Usage(input_tokens=1))]


@pytest.mark.parametrize("delta", [{"content": "a"}, {"refusal": "a"}, {"reasoning": "a"}])
def test_logprobs_go_with_the_text_they_belong_to(delta: object) -> None:
    (event,) = decode(chunk(delta, logprobs={"content": [{"token": "a"}], "refusal": None}))[1:]
    assert isinstance(event, TextDelta)
    assert event.logprobs is not None
    assert json.loads(bytes(event.logprobs)) == {"content": [{"token": "a"}], "refusal": None}


def test_logprobs_are_not_doubled_and_null_is_none() -> None:
    events = decode(chunk({"content": "a", "refusal": "b"}, logprobs={"content": []}))[1:]
    assert [getattr(event, "logprobs", None) is not None for event in events] == [True, False]
    assert decode(chunk({"content": "a"}, logprobs=None))[1:] == [TextDelta(0, "text", "a")]


def test_leftovers_are_kept_only_when_asked_for_and_come_before_the_deltas() -> None:
    frame = data(
        {
            "model": "m",
            "system_fingerprint": "fp",
            "choices": [{"index": 2, "seed": 1, "delta": {"content": "a", "annotations": [{"x": 1}]}}],
        }
    )
    events = decode(frame, keep=True)
    assert events == [
        Started("", "m"),
        Leftover("", 0, {"system_fingerprint": msgspec.Raw(b'"fp"')}),
        Leftover("choice", 2, {"seed": msgspec.Raw(b"1")}),
        Leftover("delta", 2, {"annotations": msgspec.Raw(b'[{"x": 1}]')}),
        TextDelta(2, "text", "a"),
    ]
    assert decode(frame) == [Started("", "m"), TextDelta(2, "text", "a")]


@pytest.mark.parametrize("choices", [None, [], [{"delta": None}], [{"delta": {}, "message": None}]])
def test_leftovers_of_chunks_with_nothing_in_them(choices: object) -> None:
    assert decode(data({"model": "m", "choices": choices}), keep=True) == [Started("", "m")]
