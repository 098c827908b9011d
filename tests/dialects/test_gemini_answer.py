"""gemini/answer.py: whole answers, and that a stream adds up to one."""

import json
from typing import Any

import pytest

from sluice.chat.content import Citation, Text
from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Failed,
    Leftover,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.fold import Answer, Choice
from sluice.chat.request import ChatRequest
from sluice.chat.usage import Usage
from sluice.dialects.gemini import GEMINI
from sluice.errors import ProtocolError
from tests.dialects.gemini import Json, answered, body_of, chunk, fold


def test_an_answer_is_a_stream_of_one_chunk() -> None:
    body = chunk({"text": "a"}, {"functionCall": {"id": "x", "name": "f", "args": {"b": 1}}}, finish="STOP")
    usage = {"promptTokenCount": 2, "candidatesTokenCount": 3}
    assert GEMINI.read_answer(body_of(body | {"usageMetadata": usage})) == [
        Started("r1", "gemini-x"),
        TextDelta(0, "text", "a"),
        ToolCallStarted(0, 0, "x", "f"),
        ToolCallDelta(0, 0, '{"b":1}'),
        ChoiceFinished(0, "tool_calls", "STOP"),
        Reported(Usage(input_tokens=2, output_tokens=3)),
        Ended(),
    ]


def test_an_array_of_chunks_is_an_answer_too() -> None:
    chunks = [chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP")]
    assert fold(GEMINI.read_answer(json.dumps(chunks, indent=1).encode())).choices[0].text == "ab"


@pytest.mark.parametrize(("part", "reason"), [({"text": "a"}, "stop"), ({"functionCall": {"name": "f"}}, "tool_calls")])
def test_a_whole_answer_without_a_reason_is_whole(part: dict[str, object], reason: str) -> None:
    assert fold(GEMINI.read_answer(body_of(chunk(part)))).choices[0].finish == reason


def test_a_blocked_prompt_is_an_answer() -> None:
    events = GEMINI.read_answer(b'{"promptFeedback":{"blockReason":"SAFETY"}}')
    assert events[1:] == [ChoiceFinished(0, "content_filter", "SAFETY"), Ended()]


@pytest.mark.parametrize("body", [b'{"error":{"code":429,"message":"m"}}', b'[{"error":{"code":429}}]'])
def test_an_error_is_a_failure_alone(body: bytes) -> None:
    (failed,) = GEMINI.read_answer(body)
    assert isinstance(failed, Failed)
    assert failed.error.status == 429


def test_unusable_output_is_a_failure_alone() -> None:
    (failed,) = GEMINI.read_answer(body_of(chunk({"text": "a"}, finish="MALFORMED_FUNCTION_CALL")))
    assert isinstance(failed, Failed)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b"[1]", b"[" * 50_000, b'{"candidates":[]}', b"\xff"])
def test_what_is_no_answer_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        GEMINI.read_answer(body)


def test_leftovers_come_back_in_an_answer() -> None:
    body = chunk({"text": "a"}, finish="STOP", safetyRatings=[1]) | {"modelStatus": {"b": 2}}
    events = GEMINI.read_answer(body_of(body), keep_leftovers=True)
    assert sum(isinstance(each, Leftover) for each in events) == 2
    written = json.loads(GEMINI.write_answer(fold(events), ChatRequest()))
    assert written["modelStatus"] == {"b": 2}
    assert written["candidates"][0]["safetyRatings"] == [1]


def test_an_answer_as_the_official_client_reads_it() -> None:
    choice = Choice(
        index=0,
        parts=(Text(text="né", citations=(Citation(url="https://a.test", title="A", start=0, end=2),)),),
        finish="stop",
        native_finish="stop",
    )
    whole = Answer(id="r", model="m", choices=(choice,), usage=Usage(input_tokens=1, output_tokens=2))
    response: Any = answered(GEMINI.write_answer(whole, ChatRequest()))
    assert (response.text, response.response_id, response.model_version) == ("né", "r", "m")
    assert response.usage_metadata.total_token_count == 3
    assert response.candidates[0].grounding_metadata.grounding_supports[0].segment.end_index == 3


def test_an_answer_without_a_model_names_the_one_asked_for() -> None:
    body = json.loads(
        GEMINI.write_answer(Answer(choices=(Choice(index=0, finish="stop"),)), ChatRequest(model="asked"))
    )
    assert body == {
        "candidates": [
            {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0},
        ],
        "modelVersion": "asked",
    }
    assert json.loads(GEMINI.write_answer(Answer(), ChatRequest())) == {"candidates": []}


def test_log_probabilities_of_all_chunks_are_one_result() -> None:
    result: Json = {"chosenCandidates": [{"token": "a", "logProbability": -1.0}], "topCandidates": [{"candidates": []}]}
    chunks = [chunk({"text": "a"}, logprobsResult=result), chunk({"text": "a"}, logprobsResult=result, finish="STOP")]
    whole = fold(GEMINI.read_answer(json.dumps(chunks).encode()))
    written = json.loads(GEMINI.write_answer(whole, ChatRequest()))["candidates"][0]["logprobsResult"]
    assert written == {name: rows * 2 for name, rows in result.items()}
    response: Any = answered(GEMINI.write_answer(whole, ChatRequest()))
    assert response.candidates[0].logprobs_result.chosen_candidates[1].token == "a"


def test_the_list_of_models() -> None:
    assert json.loads(GEMINI.write_models([("m", "google")])) == {
        "models": [
            {
                "name": "models/m",
                "displayName": "m",
                "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
            }
        ]
    }
