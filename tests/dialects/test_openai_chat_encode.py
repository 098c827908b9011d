"""openai_chat/encode.py: what clients get. The official client's own types are the judges."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from sluice.chat.events import (
    Channel,
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    FinishReason,
    Leftover,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.fold import Answer
from sluice.chat.usage import Usage
from sluice.errors import InBandFailure
from tests.dialects.chunks import chunk, chunks_of, data, decode, encode, fold, frames_of

STARTED = Started("c1", "m", 7)
STOP = ChoiceFinished(0, "stop", "stop")
USAGE = Reported(Usage(input_tokens=1, output_tokens=2))


def test_the_role_comes_once_and_first() -> None:
    rows = chunks_of(encode([STARTED, TextDelta(0, "text", "a"), TextDelta(0, "text", "b"), STOP]))
    assert rows[0] == {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m",
        "choices": [
            {"index": 0, "delta": {"role": "assistant", "content": "a"}, "logprobs": None, "finish_reason": None}
        ],
    }
    deltas = [row["choices"][0] for row in rows]  # type: ignore[index]
    assert [row["delta"] for row in deltas[1:]] == [{"content": "b"}, {}]
    assert deltas[-1]["finish_reason"] == "stop"


def test_a_calls_id_and_name_come_once() -> None:
    events: list[Event] = [ToolCallStarted(0, 1, "t", "f"), ToolCallDelta(0, 1, "{"), ToolCallDelta(0, 1, "}")]
    deltas = [row["choices"][0]["delta"] for row in chunks_of(encode(events))]  # type: ignore[index]
    assert deltas == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"index": 1, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}],
        },
        {"tool_calls": [{"index": 1, "function": {"arguments": "{"}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "}"}}]},
    ]


def test_usage_is_one_last_chunk_without_choices_and_only_if_asked_for() -> None:
    events: list[Event] = [USAGE, STARTED, TextDelta(0, "text", "a"), USAGE, STOP, Ended()]
    *_, last = chunks_of(encode(events))
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    assert encode(events).count(b"usage") == 1
    assert b"usage" not in encode(events, usage=False)
    assert b"usage" not in encode([STARTED, TextDelta(0, "text", "a"), STOP, Ended()])


def test_only_an_end_is_a_success() -> None:
    events: list[Event] = [STARTED, TextDelta(0, "text", "a"), STOP]
    assert encode([*events, Ended()]).endswith(b"data: [DONE]\n\n")
    assert b"[DONE]" not in encode(events)
    failed = encode([*events, Failed(InBandFailure("no\nmore", status=429, code="c", type="t"))])
    assert b"[DONE]" not in failed
    assert chunks_of(failed)[-1] == {"error": {"message": "no\nmore", "type": "t", "param": None, "code": "c"}}


def test_leftovers_of_one_dialect_come_back() -> None:
    frames = [
        data({"id": "c1", "model": "m", "system_fingerprint": "fp", "choices": []}),
        chunk({"role": "assistant", "content": "a", "annotations": [1]}),
        chunk({"content": "b"}, content_filter_results={"hate": 0}),
        chunk({}, finish="stop", stop_reason=7),
    ]
    rows = chunks_of(encode(decode(*frames, keep=True)))
    assert all(row["system_fingerprint"] == "fp" for row in rows)
    choices = [row["choices"][0] for row in rows]  # type: ignore[index]
    assert choices[0]["delta"] == {"role": "assistant", "content": "", "annotations": [1]}
    assert [row.get("content_filter_results") for row in choices] == [None, None, {"hate": 0}, None]
    assert [row.get("stop_reason") for row in choices] == [None, None, None, 7]
    assert choices[-1]["finish_reason"] == "stop"


def test_a_leftover_with_line_ends_in_it_stays_one_event() -> None:
    raw = msgspec.Raw(b'{\n "a": 1\n}')
    (frame,) = frames_of(encode([Leftover("choice", 0, {"x": raw}), TextDelta(0, "text", "a")]))
    assert frame.data is not None
    assert msgspec.json.decode(frame.data)["choices"][0]["x"] == {"a": 1}


def test_logprobs_are_passed_on() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}], "refusal": None}
    for delta in ({"content": "a"}, {"refusal": "a"}):
        (row,) = chunks_of(encode(decode(chunk(delta, logprobs=logprobs))))
        assert row["choices"][0]["logprobs"] == logprobs  # type: ignore[index]


# -- any legal answer --------------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
channels: st.SearchStrategy[Channel] = st.sampled_from(["text", "reasoning", "refusal"])
reasons: st.SearchStrategy[FinishReason] = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
counts = st.integers(0, 2**40)


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    """A legal sequence of events: choices interleaved, channels and calls in any order."""
    events: list[Event] = [Started(draw(texts), draw(texts), draw(st.integers(1, 2**40)))]
    choices = draw(st.integers(1, 3))
    calls: set[tuple[int, int]] = set()
    for _ in range(draw(st.integers(0, 10))):
        choice, index = draw(st.integers(0, choices - 1)), draw(st.integers(0, 2))
        if draw(st.booleans()):
            events.append(TextDelta(choice, draw(channels), draw(texts)))
        else:
            if (choice, index) not in calls:
                calls.add((choice, index))
                events.append(ToolCallStarted(choice, index, draw(texts), draw(texts)))
            events.append(ToolCallDelta(choice, index, draw(texts)))
    for choice in range(choices):
        reason = draw(reasons)
        events.append(ChoiceFinished(choice, reason, reason))
    if draw(st.booleans()):
        usage = Usage(input_tokens=draw(counts), output_tokens=draw(counts), cache_read_tokens=draw(counts))
        events.append(Reported(usage))
    return [*events, Ended()]


def without_empty_text(answer: Answer) -> Answer:
    """The role of a stream opens the text channel; a choice that never had text has an empty one then."""
    choices = tuple(msgspec.structs.replace(choice, text=choice.text or None) for choice in answer.choices)
    return msgspec.structs.replace(answer, choices=choices)


@settings(max_examples=150, deadline=None)
@given(answers())
def test_what_was_written_reads_as_the_same_answer(events: list[Event]) -> None:
    again = decode(*frames_of(encode(events)))
    assert without_empty_text(fold(again)) == without_empty_text(fold(events))
    assert isinstance(again[-1], Ended)


@settings(max_examples=60, deadline=None)
@given(answers())
def test_the_official_clients_types_take_every_chunk(events: list[Event]) -> None:
    for row in chunks_of(encode(events)):
        chunk = ChatCompletionChunk.model_validate(row, strict=True)
        assert chunk.object == "chat.completion.chunk"
