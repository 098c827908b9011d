"""gemini/encode.py and parts.py: what a client gets, byte by byte and as the official client reads it."""

import json
from typing import Any

import msgspec
import pytest
from google.genai import errors as genai_errors

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.dialects.gemini import GEMINI
from sluice.errors import InBandFailure, TimedOut
from tests.dialects.gemini import chunks_of, decode_bytes, encode, fold, joined, streamed

STARTED = Started("r1", "gemini-x")

STOP: list[Event] = [ChoiceFinished(0, "stop", "stop"), Ended()]

CALLED: list[Event] = [ChoiceFinished(0, "tool_calls", "tool_calls"), Ended()]


def test_a_stream_of_text_to_the_byte() -> None:
    usage = Usage(input_tokens=3, output_tokens=7, cache_read_tokens=2, reasoning_tokens=5)
    names = b'"modelVersion":"gemini-x","responseId":"r1"'
    assert encode([STARTED, TextDelta(0, "text", 'é"\n'), Reported(usage), *STOP]) == (
        b'data: {"candidates":[{"content":{"parts":[{"text":"\xc3\xa9\\"\\n"}],"role":"model"},"index":0}],%b}\n\n'
        b'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],'
        b'"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":10,'
        b'"cachedContentTokenCount":2,"thoughtsTokenCount":5},%b}\n\n' % (names, names)
    )


def test_an_array_of_the_same_chunks() -> None:
    events: list[Event] = [STARTED, TextDelta(0, "text", "a"), TextDelta(0, "reasoning", "b"), *STOP]
    body = encode(events, "json_array")
    assert json.loads(body) == chunks_of(encode(events))
    assert body.startswith(b'[{"candidates"')
    assert b"},\n{" in body.replace(b"}\n", b"}")
    assert body.endswith(b"}]")


def test_an_array_is_closed_by_a_failure_too_and_never_by_less() -> None:
    failed = Failed(InBandFailure("no", status=503))
    error = {"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}
    assert json.loads(encode([failed], "json_array")) == [error]
    assert json.loads(encode([TextDelta(0, "text", "a"), failed], "json_array"))[1:] == [error]
    with pytest.raises(json.JSONDecodeError):
        json.loads(encode([TextDelta(0, "text", "a"), ChoiceFinished(0, "stop", "stop")], "json_array"))


def test_before_the_end_there_is_no_finish_reason() -> None:
    stream = encode([STARTED, TextDelta(0, "text", "a"), Reported(Usage(input_tokens=1)), STOP[0]])
    assert b"finishReason" not in stream
    assert b"usageMetadata" not in stream
    failed = encode([STARTED, TextDelta(0, "text", "a"), STOP[0], Failed(TimedOut("idle"))])
    assert b"finishReason" not in failed


def test_the_official_client_raises_for_a_failure() -> None:
    with pytest.raises(genai_errors.ServerError) as caught:
        streamed(encode([STARTED, TextDelta(0, "text", "a"), Failed(InBandFailure("gone", status=529))]))
    assert (caught.value.code, caught.value.status, caught.value.message) == (503, "UNAVAILABLE", "gone")


def test_without_a_start_the_model_is_the_one_asked_for() -> None:
    encoder = GEMINI.encoder(ChatRequest(model="asked"))
    first = chunks_of(encoder.encode(TextDelta(0, "text", "a")))[0]
    assert first["modelVersion"] == "asked"
    assert "responseId" not in first
    assert encoder.encode(Started("r", "said")) == b""
    late = chunks_of(encoder.encode(TextDelta(0, "text", "b")))[0]
    assert (late["modelVersion"], late["responseId"]) == ("said", "r")
    assert "modelVersion" not in chunks_of(encode([TextDelta(0, "text", "a")]))[0]


def test_several_choices_are_candidates_with_an_index() -> None:
    events: list[Event] = [TextDelta(1, "text", "b"), TextDelta(0, "text", "a")]
    events += [ChoiceFinished(1, "length", "length"), ChoiceFinished(0, "stop", "stop"), Ended()]
    last = chunks_of(encode(events))[-1]["candidates"]
    assert [(row["index"], row["finishReason"]) for row in last] == [(0, "STOP"), (1, "MAX_TOKENS")]
    assert {at: row["parts"] for at, row in joined(streamed(encode(events))).items()} == {
        0: [{"text": "a"}],
        1: [{"text": "b"}],
    }


@pytest.mark.parametrize(
    ("reason", "native", "word"),
    [
        ("stop", "end_turn", "STOP"),
        ("length", "length", "MAX_TOKENS"),
        ("tool_calls", "STOP", "STOP"),
        ("content_filter", "RECITATION", "RECITATION"),
        ("content_filter", "STOP", "SAFETY"),
        ("refusal", "refusal", "SAFETY"),
        ("error", "x", "OTHER"),
    ],
)
def test_the_word_for_the_end(reason: Any, native: str, word: str) -> None:
    last = chunks_of(encode([ChoiceFinished(0, reason, native), Ended()]))[-1]
    assert last["candidates"][0]["finishReason"] == word


def test_citations_become_grounding_metadata_with_positions_in_bytes() -> None:
    events: list[Event] = [
        TextDelta(0, "reasoning", "r"),
        TextDelta(0, "text", "né "),
        TextDelta(0, "text", "bé"),
        Cited(0, Citation(url="https://a.test", title="A", start=1, end=4)),
        Cited(0, Citation(url="https://a.test", title="A")),
        Cited(0, Citation(title="doc", quote="q", start=0, end=99)),
        *STOP,
    ]
    metadata = chunks_of(encode(events))[-1]["candidates"][0]["groundingMetadata"]
    assert metadata == {
        "groundingChunks": [
            {"web": {"uri": "https://a.test", "title": "A"}},
            {"retrievedContext": {"title": "doc", "text": "q"}},
        ],
        "groundingSupports": [
            {
                "segment": {"partIndex": 1, "startIndex": 1, "endIndex": 5, "text": "é b"},
                "groundingChunkIndices": [0],
            },
            {
                "segment": {"partIndex": 1, "startIndex": 0, "endIndex": 7, "text": "né bé"},
                "groundingChunkIndices": [1],
            },
        ],
    }
    found = joined(streamed(encode(events)))[0]["sources"]
    assert found.grounding_chunks[0].web.uri == "https://a.test"


def test_log_probabilities_of_each_chunk() -> None:
    row = {"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": [{"token": "b", "logprob": -2.0}]}
    raw = _raw({"content": [row], "refusal": None})
    chunk = chunks_of(encode([TextDelta(0, "text", "a", raw)]))[0]["candidates"][0]
    assert chunk["logprobsResult"] == {
        "chosenCandidates": [{"token": "a", "logProbability": -1.0}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -2.0}]}],
    }
    assert "logprobsResult" not in chunks_of(encode([TextDelta(0, "text", "a", _raw([1]))]))[0]["candidates"][0]
    assert chunks_of(encode([TextDelta(0, "text", "", raw)]))[0]["candidates"][0]["content"]["parts"] == [{"text": ""}]


def _raw(value: object) -> Any:
    return msgspec.Raw(json.dumps(value).encode())


def test_leftovers_are_in_the_chunk_that_comes_next() -> None:
    events: list[Event] = [
        Leftover("", 0, {"modelStatus": _raw({"a": 1})}),
        Leftover("choice", 0, {"safetyRatings": _raw([1])}),
        TextDelta(0, "text", "a"),
        Unrecognised("part:executableCode"),
        TextDelta(0, "text", "b"),
        *STOP,
    ]
    first, second, _ = chunks_of(encode(events))
    assert first["modelStatus"] == {"a": 1}
    assert first["candidates"][0]["safetyRatings"] == [1]
    assert "modelStatus" not in second
    assert "safetyRatings" not in second["candidates"][0]


def test_usage_with_sound_tells_how_much_of_it() -> None:
    usage = Usage(input_tokens=5, output_tokens=4, reasoning_tokens=1, input_audio_tokens=5, output_audio_tokens=2)
    events: list[Event] = [TextDelta(0, "text", "a"), Reported(usage), *STOP]
    assert chunks_of(encode(events))[-1]["usageMetadata"] == {
        "promptTokenCount": 5,
        "candidatesTokenCount": 3,
        "totalTokenCount": 9,
        "thoughtsTokenCount": 1,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 1}, {"modality": "AUDIO", "tokenCount": 2}],
    }
    assert fold(decode_bytes([encode(events)])).usage == usage


def test_half_a_surrogate_pair_does_not_stop_a_stream() -> None:
    events: list[Event] = [
        Started("\ud800", "m"),
        TextDelta(0, "text", "a\ud83d"),
        TextDelta(0, "reasoning", "\udc00"),
        ToolCallStarted(0, 0, "x\ud800", "f"),
        ToolCallDelta(0, 0, '{"a":"\ud800"}'),
        *CALLED,
    ]
    parts = joined(streamed(encode(events)))[0]["parts"]
    assert [part.get("text") for part in parts[:2]] == ["a\ufffd", "\ufffd"]
    assert parts[2]["function_call"] == {"id": "x\ufffd", "name": "f", "args": {"a": "\ufffd"}}


def test_what_is_written_is_read_again() -> None:
    events: list[Event] = [
        STARTED,
        TextDelta(0, "reasoning", "r"),
        Sealed(0, Seal("dialect.gemini", "reasoning", "aa==")),
        TextDelta(0, "text", "t"),
        Sealed(0, Seal("dialect.gemini", "call", "bb==")),
        ToolCallStarted(0, 0, "x", "f"),
        ToolCallDelta(0, 0, '{"a":1.0}'),
        Reported(Usage(input_tokens=1, output_tokens=2)),
        ChoiceFinished(0, "tool_calls", "STOP"),
        Ended(),
    ]
    assert fold(decode_bytes([encode(events)])) == fold(events)
    assert fold(decode_bytes([encode(events, "json_array")], "json_array")) == fold(events)
