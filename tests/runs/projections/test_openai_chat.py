"""A run as chunks of a chat completion. Every chunk is read by the official client's own model."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from sluice.runs.events import Event, File, RunFailed, RunFinished, TextDelta
from sluice.runs.fold import Fold
from sluice.runs.projection import project
from sluice.runs.projections.openai_chat import OpenAiChat, folded
from tests.runs.laws import random_logs
from tests.runs.projections.openai_logs import EVERYTHING, message, run, text


def chunks(log: Any, **options: bool) -> list[Any]:
    frames = project(OpenAiChat(**options), log)
    return [json.loads(frame.data) for frame in frames if frame.data != b"[DONE]"]


def whole(log: Any) -> dict[str, Any]:
    projection = OpenAiChat()
    return folded(chunk for event in log for chunk in projection.chunks(event))


def deltas(log: Any, member: str) -> list[Any]:
    said = [choice["delta"] for chunk in chunks(log) for choice in chunk.get("choices", [])]
    return [delta[member] for delta in said if member in delta]


def test_every_chunk_is_one_that_the_official_client_knows() -> None:
    for chunk in chunks(EVERYTHING):
        ChatCompletionChunk.model_validate(chunk, strict=True)
    ChatCompletion.model_validate(whole(EVERYTHING), strict=True)


def test_the_text_of_the_answer_is_content_and_all_else_that_is_said_is_reasoning() -> None:
    assert deltas(EVERYTHING, "content") == ["", "One", " moment.", "It is 3."]
    assert deltas(EVERYTHING, "reasoning_content") == ["Let me ", "see.", "an aside"]


def test_the_whole_completion_is_the_fold_of_its_chunks_and_its_text_that_of_the_run() -> None:
    fold = Fold()
    for event in EVERYTHING:
        fold.step(event)
    completion = ChatCompletion.model_validate(whole(EVERYTHING))
    said = completion.choices[0].message
    assert said.content == fold.text == "".join(deltas(EVERYTHING, "content"))
    assert getattr(said, "reasoning_content", None) == "Let me see.an aside"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (
        3,
        2,
        5,
    )


@settings(max_examples=40)
@given(log=random_logs())
def test_every_run_is_chunks_that_the_client_knows_and_folds_to_its_text(log: list[Event]) -> None:
    fold = Fold()
    for event in log:
        fold.step(event)
    told = chunks(log)
    failed = "error" in told[-1]
    for chunk in told[:-1] if failed else told:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    assert "".join(deltas(log, "content")) == fold.text
    if not failed:
        assert ChatCompletion.model_validate(whole(log)).choices[0].message.content == fold.text
    assert failed == (project(OpenAiChat(), log)[-1].data != b"[DONE]")


def test_tools_that_the_agent_runs_itself_are_not_told_and_an_interrupt_is_a_call() -> None:
    calls = [call for group in deltas(EVERYTHING, "tool_calls") for call in group]
    assert [(call["index"], call["id"], call["function"]["name"]) for call in calls] == [(0, "run_i1", "interrupt")]
    asked = json.loads(calls[0]["function"]["arguments"])
    assert asked == {"question": "Go on?", "reason": "input", "schema": {"type": "boolean"}}
    completion = ChatCompletion.model_validate(whole(EVERYTHING))
    assert completion.choices[0].finish_reason == "tool_calls"
    assert [call.id for call in completion.choices[0].message.tool_calls or ()] == ["run_i1"]


def test_pages_are_annotations_where_the_text_stands_and_pictures_are_images() -> None:
    cited = [one["url_citation"] for group in deltas(EVERYTHING, "annotations") for one in group]
    assert [(one["url"], one["start_index"]) for one in cited] == [
        ("https://example.com/a", 0),
        ("https://example.com/b", 3),
    ]
    assert [image["image_url"]["url"] for group in deltas(EVERYTHING, "images") for image in group] == [
        "data:image/png;base64,AAAA"
    ]
    assert deltas(run((File, {"id": "f", "url": "https://x/y.pdf", "media_type": "application/pdf"})), "images") == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [("stop", "stop"), ("", "stop"), ("tool_calls", "stop"), ("length", "length"), ("content_filter",) * 2],
)
def test_the_finish_reason_is_that_of_the_last_message_unless_it_only_called_tools(said: str, reason: str) -> None:
    log = run(*message(*text("Hi"), finish_reason=said))
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks(log) if chunk["choices"]] == [None, None, reason]


def test_usage_comes_last_and_only_if_it_was_asked_for() -> None:
    log = run(*message(*text("Hi")))
    assert [len(chunk["choices"]) for chunk in chunks(log)] == [1, 1, 1, 0]
    assert all("usage" not in chunk for chunk in chunks(log, include_usage=False))


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ((RunFailed, {"code": "rate_limited", "message": "later", "status": 429}), "rate_limited"),
        ((RunFinished, {"outcome": "timeout", "message": "streaming timeout after 30s"}), "timeout"),
        ((RunFinished, {"outcome": "cancelled", "reason": "by hand"}), "cancelled"),
    ],
)
def test_what_did_not_end_well_ends_with_an_error_and_never_with_done(end: Any, code: str) -> None:
    log = run(*message(*text("Hi")), end=end)
    frames = project(OpenAiChat(), log)
    assert frames[-1].data != b"[DONE]"
    error = json.loads(frames[-1].data)["error"]
    assert error["code"] == code
    assert error["message"]
    assert all(choice["finish_reason"] is None for chunk in chunks(log)[:-1] for choice in chunk["choices"])


def test_done_comes_after_success_alone() -> None:
    assert project(OpenAiChat(), run(*message(*text("Hi"))))[-1].data == b"[DONE]"
    cut = [event for event in EVERYTHING if event.seq <= 12]
    assert all(frame.data != b"[DONE]" for frame in project(OpenAiChat(), cut))


@pytest.mark.parametrize("log", [EVERYTHING, run(*message(*text("Hi", " you")))])
def test_resuming_behind_any_event_says_exactly_what_is_missing(log: Any) -> None:
    uncut = project(OpenAiChat(), log)
    for cut in range(len(log) + 1):
        assert project(OpenAiChat(), log[:cut]) + project(OpenAiChat(), log, cut) == uncut
    ids = [int(frame.id) for frame in uncut if frame.id]
    assert ids == sorted(set(ids))
    assert ids[-1] == len(log)


def test_adjacent_deltas_may_come_as_one() -> None:
    log = run(*message(*text("Hi", " you")))
    joined = [event for event in log if event.seq != 4]
    joined = [
        TextDelta(seq=5, run_id="run", thread_id="thread", ts=5, id="b1", text="Hi you") if event.seq == 5 else event
        for event in joined
    ]
    assert "".join(deltas(joined, "content")) == "".join(deltas(log, "content"))
