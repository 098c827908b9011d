"""openai_chat/decode.py: what providers send, regular and not."""

import json

import msgspec
import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Leftover,
    Reported,
    Started,
    TextDelta,
)
from sluice.chat.usage import Usage
from sluice.wire.sse import SseDecoder
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
    assert decode(data({"choices": None, "model": "m"})) == [Started("", "m")]


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
        ("model_length", "length"),
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


@pytest.mark.parametrize("member", ["prompt_cache_hit_tokens", "cached_tokens"])
def test_cached_tokens_under_the_names_that_vendors_give_them(member: str) -> None:
    frame = data({"model": "m", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1, member: 4}})
    assert decode(frame)[1:] == [Reported(Usage(input_tokens=5, output_tokens=1, cache_read_tokens=4))]


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
            "choices": [{"index": 2, "seed": 1, "delta": {"content": "a", "images": [{"x": 1}]}}],
        }
    )
    events = decode(frame, keep=True)
    assert events == [
        Started("", "m"),
        Leftover("", 0, {"system_fingerprint": msgspec.Raw(b'"fp"')}),
        Leftover("choice", 2, {"seed": msgspec.Raw(b"1")}),
        Leftover("delta", 2, {"images": msgspec.Raw(b'[{"x": 1}]')}),
        TextDelta(2, "text", "a"),
    ]
    assert decode(frame) == [Started("", "m"), TextDelta(2, "text", "a")]


@pytest.mark.parametrize("choices", [None, [], [{"delta": None}], [{"delta": {}, "message": None}]])
def test_leftovers_of_chunks_with_nothing_in_them(choices: object) -> None:
    assert decode(data({"model": "m", "choices": choices}), keep=True) == [Started("", "m")]


def test_every_cut_of_the_bytes_gives_the_same_events() -> None:
    frames = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "é\u2028"}),
        chunk({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]}),
        chunk({}, finish="tool_calls"),
        data({"choices": [], "usage": USAGE}),
    ]
    stream = b"".join(frame.raw for frame in frames) + b"data: [DONE]\n\n"
    whole = decode(*SseDecoder().feed(stream))
    assert whole[-1] == Ended()
    for at in range(len(stream)):
        decoder = SseDecoder()
        assert decode(*decoder.feed(stream[:at]), *decoder.feed(stream[at:])) == whole
