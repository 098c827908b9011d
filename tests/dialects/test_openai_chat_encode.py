"""openai_chat/encode.py: what clients get, chunk by chunk. Any legal answer: test_openai_chat_any.py."""

import msgspec
import pytest

from sluice.chat.content import ToolUse
from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.request import ChatRequest
from sluice.chat.usage import Usage
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import InBandFailure
from tests.dialects.chunks import chunk, chunks_of, data, decode, deltas_of, encode, fold, frames_of

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
    assert deltas_of(encode(events)) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}],
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
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
        chunk({"role": "assistant", "content": "a", "images": [1]}),
        chunk({"content": "b"}, content_filter_results={"hate": 0}),
        chunk({}, finish="stop", stop_reason=7),
    ]
    rows = chunks_of(encode(decode(*frames, keep=True)))
    assert all(row["system_fingerprint"] == "fp" for row in rows)
    choices = [row["choices"][0] for row in rows]  # type: ignore[index]
    assert choices[0]["delta"] == {"role": "assistant", "content": None, "images": [1]}
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


# -- what a prepared chunk must not forget -----------------------------------------------------------------------------


def test_names_that_come_late_stand_in_every_chunk_after_them() -> None:
    a, b, c = (TextDelta(0, "text", text) for text in "abc")
    rows = chunks_of(encode([Started("", ""), a, STARTED, b, c]))
    assert [(row["id"], row["model"], row["created"]) for row in rows] == [("", "", 0), ("c1", "m", 7), ("c1", "m", 7)]


def test_channels_choices_and_calls_that_alternate_are_told_apart() -> None:
    events: list[Event] = [STARTED]
    for n in "12":
        for choice in (0, 1):
            events += [TextDelta(choice, "text", f"t{n}"), TextDelta(choice, "reasoning", f"r{n}")]
            if n == "1":
                events += [ToolCallStarted(choice, 0, "a", "f"), ToolCallStarted(choice, 1, "b", "g")]
            events += [ToolCallDelta(choice, 1, f"b{n}"), ToolCallDelta(choice, 0, f"a{n}")]
    folded = fold(decode(*frames_of(encode(events, choices=2)))).choices
    assert len(folded) == 2
    for told in folded:
        assert (told.text, told.reasoning) == ("t1t2", "r1r2")
        assert [(call.id, call.arguments) for call in told.tool_calls] == [("a", "a1a2"), ("b", "b1b2")]


def test_a_leftover_between_two_texts_is_in_the_second_only() -> None:
    events: list[Event] = [
        TextDelta(0, "text", "a"),
        Leftover("", 0, {"y": msgspec.Raw(b"2")}),
        TextDelta(0, "text", "b"),
        Leftover("choice", 0, {"x": msgspec.Raw(b"1")}),
        TextDelta(0, "text", "c"),
        TextDelta(0, "text", "d"),
    ]
    assert [("y" in row, "x" in row["choices"][0]) for row in chunks_of(encode(events))] == [  # type: ignore[index]
        (False, False),
        (True, False),
        (True, True),
        (True, False),
    ]


@pytest.mark.parametrize("text", ['""', '"', "\\", "\n", "\r\n", "\0", "\u2028", "\ud800", "\udc00x\ud800", "é", ""])
def test_any_text_is_one_event_and_lone_surrogates_are_replaced(text: str) -> None:
    want = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    events: list[Event] = [
        STARTED,
        TextDelta(0, "text", text),
        TextDelta(0, "text", text),
        TextDelta(0, "reasoning", text),
        ToolCallStarted(0, 0, f"t{text}", f"f{text}"),
        ToolCallDelta(0, 0, f"x{text}"),
    ]
    (choice,) = fold(decode(*frames_of(encode(events)))).choices
    assert (choice.text, choice.reasoning) == (want * 2, want or None)
    assert choice.tool_calls == (ToolUse(id=f"t{want}", name=f"f{want}", arguments=f"x{want}"),)
    assert OPENAI_CHAT.write_answer(fold(events), ChatRequest())


def test_nothing_follows_the_end() -> None:
    events: list[Event] = [STARTED, TextDelta(0, "text", "a"), STOP]
    for last in (Ended(), Failed(InBandFailure("x"))):
        encoder = OPENAI_CHAT.encoder(ChatRequest(stream=True, wants_usage=True))
        assert b"" not in [encoder.encode(event) for event in [*events[1:], last]]
        assert [encoder.encode(event) for event in [*events, USAGE, Ended(), last]] == [b""] * 6
