"""gemini/decode.py: what Google sends, regular and not."""

from typing import Any

import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Failed,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.dialects.gemini import GEMINI
from sluice.wire.sse import Frame
from tests.dialects.gemini import Json, chunk, decode, decode_bytes, deltas, event

STARTED = Started("r1", "gemini-x", 0)

SIGNED = Seal("dialect.gemini", "call", "c2lnbmVk+/==")


def test_text_and_thoughts_are_two_channels() -> None:
    thought = chunk({"text": "hm", "thought": True})
    assert decode(thought, chunk({"text": "a"}, {"text": "b"})) == [
        STARTED,
        TextDelta(0, "reasoning", "hm"),
        TextDelta(0, "text", "a"),
        TextDelta(0, "text", "b"),
    ]


def test_empty_texts_are_no_tokens_but_open_the_candidate() -> None:
    empty = {"candidates": [{"content": {"parts": [{"text": ""}, {"text": "", "thought": True}]}}]}
    assert decode(empty) == [Started("", "", 0)]
    assert GEMINI.decoder(keep_leftovers=False).finish() == []


def test_the_name_may_come_late_and_is_said_again_only_then() -> None:
    nameless = {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}
    events = decode(nameless, nameless, chunk({"text": "b"}), chunk({"text": "c"}))
    assert [each for each in events if isinstance(each, Started)] == [Started("", "", 0), STARTED]


@pytest.mark.parametrize(("said", "seconds"), [("2026-11-21T10:00:00.5Z", 1795255200), ("soon", 0), (None, 0)])
def test_the_time_of_creation(said: str | None, seconds: int) -> None:
    assert decode(chunk({"text": "a"}) | {"createTime": said})[0] == Started("r1", "gemini-x", seconds)


def test_a_call_comes_whole_and_its_signature_before_it() -> None:
    call = {"functionCall": {"id": "x", "name": "f", "args": {"b": 1.0, "a": [1e2]}}, "thoughtSignature": SIGNED.data}
    assert deltas(chunk(call, finish="STOP")) == [
        Sealed(0, SIGNED),
        ToolCallStarted(0, 0, "x", "f"),
        ToolCallDelta(0, 0, '{"b":1.0,"a":[100.0]}'),
        ChoiceFinished(0, "tool_calls", "STOP"),
    ]


def test_numbers_and_order_of_arguments_stay_as_they_were_written() -> None:
    args = '{ "z": 1.50, "a": 12345678901234567890, "s": "\\u00e9" }'
    data = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":%b}}]}}]}' % args.encode()
    events = GEMINI.decoder(keep_leftovers=False).decode(Frame(b"data: " + data, data))
    assert events[-1] == ToolCallDelta(0, 0, '{"z":1.50,"a":12345678901234567890,"s":"\\u00e9"}')


@pytest.mark.parametrize("call", [{"name": "f"}, {"name": "f", "args": None}, {"name": "f", "args": {}}])
def test_a_call_without_arguments_has_an_empty_object(call: dict[str, object]) -> None:
    assert deltas(chunk({"functionCall": call}))[-1] == ToolCallDelta(0, 0, "{}")


def test_calls_without_ids_get_their_own_over_chunks_and_candidates() -> None:
    call: dict[str, Any] = {"functionCall": {"name": "f", "args": {}}}
    events = decode(chunk(call, call), chunk(call), chunk(call, index=1))
    assert [(e.choice, e.index, e.id) for e in events if isinstance(e, ToolCallStarted)] == [
        (0, 0, "call_r1_0"),
        (0, 1, "call_r1_1"),
        (0, 2, "call_r1_2"),
        (1, 0, "call_r1_1_0"),
    ]
    nameless = {"candidates": [{"content": {"parts": [call]}}]}
    assert ToolCallStarted(0, 0, "call_0", "f") in decode(nameless)


def test_a_call_in_pieces_is_counted_and_not_guessed_at() -> None:
    pieces: list[Json] = [
        {"functionCall": {"id": "x", "name": "f", "willContinue": True}},
        {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "b"}], "willContinue": True}},
        {"functionCall": {}},
    ]
    assert deltas(*[chunk(piece) for piece in pieces], chunk(finish="STOP")) == [
        ToolCallStarted(0, 0, "x", "f"),
        Unrecognised("part:functionCall.partialArgs"),
        ChoiceFinished(0, "tool_calls", "STOP"),
    ]


def test_the_seal_of_a_text_follows_it_and_that_of_a_thought_too() -> None:
    text, thought = Seal("dialect.gemini", "text", "AA=="), Seal("dialect.gemini", "reasoning", "BB==")
    assert deltas(
        chunk({"text": "a", "thoughtSignature": "AA=="}), chunk({"text": "", "thoughtSignature": "AA=="})
    ) == [
        TextDelta(0, "text", "a"),
        Sealed(0, text),
        Sealed(0, text),
    ]
    assert deltas(chunk({"text": "a", "thought": True, "thoughtSignature": "BB=="})) == [
        TextDelta(0, "reasoning", "a"),
        Sealed(0, thought),
    ]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("OTHER", "content_filter"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_each_finish_reason(native: str, reason: str) -> None:
    assert deltas(chunk({"text": "a"}, finish=native))[-1] == ChoiceFinished(0, reason, native)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("native", "status"),
    [("MALFORMED_FUNCTION_CALL", 502), ("UNEXPECTED_TOOL_CALL", 502), ("MISSING_THOUGHT_SIGNATURE", 400)],
)
def test_unusable_output_is_a_failure_and_nothing_follows(native: str, status: int) -> None:
    last = chunk(finish=native, finishMessage="call: f(") | {"usageMetadata": {"promptTokenCount": 1}}
    (failed,) = deltas(last)
    assert isinstance(failed, Failed)
    assert (failed.error.status, failed.error.code) == (status, native)
    assert str(failed.error).endswith(f"{native}: call: f(")


def test_a_length_with_a_call_stays_a_length() -> None:
    assert deltas(chunk({"functionCall": {"name": "f"}}, finish="MAX_TOKENS"))[-1].reason == "length"  # type: ignore[union-attr]


def test_a_finish_reason_that_is_not_meant_yet_or_said_twice() -> None:
    stop = chunk(finish="STOP")
    unspecified = chunk({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED")
    assert deltas(unspecified, stop, stop) == [TextDelta(0, "text", "a"), ChoiceFinished(0, "stop", "STOP")]


def test_a_blocked_prompt_finishes_an_answer_that_has_no_candidates() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    assert decode(blocked, blocked)[1:] == [
        ChoiceFinished(0, "content_filter", "SAFETY"),
        Reported(Usage(input_tokens=3)),
        Reported(Usage(input_tokens=3)),
    ]
    assert decode_bytes([event(blocked)])[-1] == Ended()
    assert deltas(chunk({"text": "a"}) | blocked)[0] == TextDelta(0, "text", "a")
    assert decode({"promptFeedback": {"blockReason": "BLOCKED_REASON_UNSPECIFIED"}}) == [Started("", "", 0)]
