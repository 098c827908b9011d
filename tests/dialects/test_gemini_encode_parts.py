"""gemini/parts.py and calls.py: the parts of one candidate, of calls and of seals."""

import base64
from typing import Any

import pytest

from sluice.chat import seal
from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Sealed,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.gemini import GEMINI
from tests.dialects.gemini import chunks_of, encode

FOREIGN = Seal("dialect.anthropic_messages", "reasoning", "sig+/" * 20)


def parts_of(*events: Event) -> list[dict[str, Any]]:
    """The parts of every chunk, the empty text of the last one left out."""
    rows = [row for chunk in chunks_of(encode([*events])) for row in chunk["candidates"]]
    return [part for row in rows for part in row["content"]["parts"] if part != {"text": ""}]


STOP: list[Event] = [ChoiceFinished(0, "stop", "stop"), Ended()]


CALLED: list[Event] = [ChoiceFinished(0, "tool_calls", "tool_calls"), Ended()]


def test_channels_become_parts() -> None:
    assert parts_of(
        TextDelta(0, "text", ""),
        TextDelta(0, "reasoning", "r"),
        TextDelta(0, "text", "a"),
        TextDelta(0, "refusal", "no"),
        *STOP,
    ) == [{"text": "r", "thought": True}, {"text": "a"}, {"text": "no"}]


def test_a_call_is_written_whole_as_soon_as_it_is() -> None:
    encoder = GEMINI.encoder(ChatRequest(stream=True))
    assert encoder.encode(ToolCallStarted(0, 0, "x", "f")) == b""
    assert encoder.encode(ToolCallDelta(0, 0, ' {"a": "}')) == b""
    assert encoder.encode(ToolCallDelta(0, 0, "\\")) == b""
    assert encoder.encode(ToolCallDelta(0, 0, '"{", "b": [1.50')) == b""
    assert encoder.encode(ToolCallDelta(0, 0, "]")) == b""
    body = encoder.encode(ToolCallDelta(0, 0, "}  "))
    assert b'"functionCall":{"id":"x","name":"f","args":{"a":"}\\"{","b":[1.50]}}' in body
    assert encoder.encode(ToolCallDelta(0, 0, "\n")) == b""
    assert b"functionCall" not in encoder.encode(CALLED[0]) + encoder.encode(CALLED[1])


def test_interleaved_calls_keep_the_order_in_which_they_began() -> None:
    names = [
        part["functionCall"]["args"]
        for part in parts_of(
            ToolCallStarted(0, 0, "x", "f"),
            ToolCallStarted(0, 1, "y", "g"),
            ToolCallDelta(0, 1, '{"g":'),
            ToolCallDelta(0, 0, '{"f":'),
            ToolCallDelta(0, 1, "1}"),
            ToolCallDelta(0, 0, "0}"),
            *CALLED,
        )
    ]
    assert names == [{"f": 0}, {"g": 1}]


@pytest.mark.parametrize(("reason", "written"), [("tool_calls", True), ("stop", True), ("length", False)])
def test_a_call_without_arguments(reason: Any, written: bool) -> None:
    parts = parts_of(ToolCallStarted(0, 0, "x", "f"), ChoiceFinished(0, reason, reason), Ended())
    assert parts == ([{"functionCall": {"id": "x", "name": "f", "args": {}}}] if written else [])


@pytest.mark.parametrize(
    ("arguments", "reason", "word"),
    [
        ('{"a":', "length", "MAX_TOKENS"),
        ('{"a":', "tool_calls", "MALFORMED_FUNCTION_CALL"),
        ("[1]", "tool_calls", "MALFORMED_FUNCTION_CALL"),
        ('{"a":,}', "stop", "MALFORMED_FUNCTION_CALL"),
        ("nope", "content_filter", "SAFETY"),
    ],
)
def test_a_call_that_is_no_object_is_left_out(arguments: str, reason: Any, word: str) -> None:
    events: list[Event] = [TextDelta(0, "text", "a"), ToolCallStarted(0, 0, "x", "f"), ToolCallDelta(0, 0, arguments)]
    events += [ChoiceFinished(0, reason, reason), Ended()]
    assert parts_of(*events) == [{"text": "a"}]
    assert chunks_of(encode(events))[-1]["candidates"][0]["finishReason"] == word


def test_what_follows_whole_arguments_is_ignored() -> None:
    call: list[Event] = [ToolCallStarted(0, 0, "", "f"), ToolCallDelta(0, 0, '{}{"a":1}'), ToolCallDelta(0, 0, "x")]
    assert parts_of(*call, *CALLED) == [{"functionCall": {"name": "f", "args": {}}}]


def test_own_seals_stand_where_they_stood_byte_for_byte() -> None:
    def own(kind: Any, data: str) -> Sealed:
        return Sealed(0, Seal("dialect.gemini", kind, data))

    assert parts_of(
        TextDelta(0, "reasoning", "r"),
        own("reasoning", "a+/="),
        own("call", "b-_="),
        ToolCallStarted(0, 0, "x", "f"),
        ToolCallStarted(0, 1, "y", "g"),
        ToolCallDelta(0, 0, "{}"),
        ToolCallDelta(0, 1, "{}"),
        TextDelta(0, "text", "t"),
        own("text", "c=="),
        own("call", "d=="),
        TextDelta(0, "text", "u"),
        *STOP,
    ) == [
        {"text": "r", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "a+/="},
        {"functionCall": {"id": "x", "name": "f", "args": {}}, "thoughtSignature": "b-_="},
        {"functionCall": {"id": "y", "name": "g", "args": {}}},
        {"text": "t"},
        {"text": "", "thoughtSignature": "c=="},
        {"text": "", "thoughtSignature": "d=="},
        {"text": "u"},
    ]


def test_foreign_seals_travel_with_the_next_call_and_their_text_with_them() -> None:
    redacted = Seal("dialect.anthropic_messages", "redacted", "zzz")
    parts = parts_of(
        TextDelta(0, "reasoning", "why "),
        TextDelta(0, "reasoning", "not"),
        Sealed(0, FOREIGN),
        Sealed(0, redacted),
        TextDelta(0, "text", "t"),
        ToolCallStarted(0, 0, "x", "f"),
        ToolCallDelta(0, 0, "{}"),
        ToolCallStarted(0, 1, "y", "g"),
        ToolCallDelta(0, 1, "{}"),
        *CALLED,
    )
    assert [part.get("text") for part in parts] == ["why ", "not", "t", None, None]
    token = parts[3]["thoughtSignature"]
    assert base64.b64encode(base64.b64decode(token, validate=True)).decode() == token
    assert seal.unpack(token) == (Reasoning("why not", FOREIGN), Reasoning("", redacted))
    assert "thoughtSignature" not in parts[4]


def test_foreign_seals_of_an_answer_without_a_call_come_at_its_end() -> None:
    parts = parts_of(TextDelta(0, "reasoning", "why"), Sealed(0, FOREIGN), TextDelta(0, "text", "t"), *STOP)
    assert {key: value for key, value in parts[-1].items() if key != "thoughtSignature"} == {
        "text": "",
        "thought": True,
    }
    assert seal.unpack(parts[-1]["thoughtSignature"]) == (Reasoning("why", FOREIGN),)
