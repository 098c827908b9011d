"""A run as a Responses stream. Every event is read by the official client's own model."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from sluice.runs.events import Event, RunFailed, RunFinished, ToolInput, ToolOutput, ToolStarted
from sluice.runs.fold import Fold
from sluice.runs.projection import project
from sluice.runs.projections.responses import Responses
from tests.runs.laws import random_logs
from tests.runs.projections.openai_logs import EVERYTHING, USAGE, log_of, message, run, text

ANY: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def events(log: list[Event], **options: Any) -> list[Any]:
    """The events of a log, each valid for the official client, each named as its frame is."""
    frames = project(Responses(**options), log)
    for frame in frames:
        assert ANY.validate_json(frame.data, strict=True).type == frame.event
    return [json.loads(frame.data) for frame in frames]


def types(log: list[Event]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events(log)]


def obey(told: list[Any]) -> None:
    """The protocol's order: numbers without gaps, created first, one end, items added, filled and done."""
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
    ends = {"response.completed", "response.incomplete", "response.failed"}
    assert [place for place, event in enumerate(told) if event["type"] in ends] == [len(told) - 1]
    open_items: dict[int, str] = {}
    done: dict[int, Any] = {}
    for event in told[2:-1]:
        place = event["output_index"]
        if event["type"] == "response.output_item.added":
            assert place == len(open_items) + len(done)
            open_items[place] = event["item"]["id"]
        elif event["type"] == "response.output_item.done":
            assert open_items.pop(place) == event["item"]["id"]
            done[place] = event["item"]
        else:
            assert open_items[place] == event["item_id"]
    assert not open_items
    output = told[-1]["response"]["output"]
    assert [item["id"] for item in output] == [done[place]["id"] for place in sorted(done)]
    assert len({item["id"] for item in output}) == len(output)


def test_everything_obeys_the_order_of_the_protocol() -> None:
    obey(events(EVERYTHING))


@settings(max_examples=40)
@given(log=random_logs())
def test_every_run_obeys_the_order_of_the_protocol(log: list[Event]) -> None:
    obey(events(log))


@settings(max_examples=20)
@given(log=random_logs(15))
def test_every_run_can_be_started_after_any_number(log: list[Event]) -> None:
    uncut = project(Responses(), log)
    for number in range(-1, len(uncut)):
        assert project(Responses(starting_after=number), log) == uncut[number + 1 :]


@settings(max_examples=20)
@given(log=random_logs())
def test_the_answer_of_every_run_is_what_its_fold_says(log: list[Event]) -> None:
    fold = Fold()
    for event in log:
        fold.step(event)
    response = Response.model_validate(events(log)[-1]["response"])
    assert response.output_text == fold.text


def test_text_is_added_filled_and_done() -> None:
    assert types(run(*message(*text("Hi", " you")))) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_items_are_messages_reasoning_calls_and_their_results_in_the_order_of_their_beginning() -> None:
    output = events(EVERYTHING)[-1]["response"]["output"]
    kinds = [(item["type"], item.get("call_id"), item.get("status")) for item in output]
    assert kinds == [
        ("reasoning", None, "completed"),
        ("message", None, "completed"),
        ("function_call", "c1", "completed"),
        ("function_call", "c2", "completed"),
        ("function_call_output", "c2", "completed"),
        ("function_call_output", "c1", "incomplete"),
        ("function_call", "c1-2", "incomplete"),
        ("reasoning", None, "completed"),
        ("message", None, "completed"),
        ("image_generation_call", None, "completed"),
        ("function_call", "run_i1", "completed"),
    ]
    assert [item["arguments"] for item in output[2:4]] == ['{"a":1}', '{"b":2}']
    assert [item["output"] for item in output[4:6]] == ['{"sum":2}', "no such number"]
    assert [note["url"] for note in output[1]["content"][0]["annotations"]] == [
        "https://example.com/a",
        "https://example.com/b",
    ]
    assert json.loads(output[-1]["arguments"])["question"] == "Go on?"


def test_the_arguments_of_interleaved_calls_keep_to_their_own_call() -> None:
    pieces: dict[str, str] = {}
    for event in events(EVERYTHING):
        if event["type"] == "response.function_call_arguments.delta":
            pieces[event["item_id"]] = pieces.get(event["item_id"], "") + event["delta"]
    assert pieces["fc_c1"] == '{"a":1}'
    assert pieces["fc_c2"] == '{"b":2}'


@pytest.mark.parametrize(
    ("end", "reason", "event", "status"),
    [
        ((RunFinished, {"outcome": "success"}), "stop", "completed", "completed"),
        ((RunFinished, {"outcome": "interrupt"}), "stop", "completed", "completed"),
        ((RunFinished, {"outcome": "success"}), "length", "incomplete", "incomplete"),
        ((RunFinished, {"outcome": "success"}), "content_filter", "incomplete", "incomplete"),
        ((RunFinished, {"outcome": "cancelled"}), "stop", "incomplete", "cancelled"),
        ((RunFinished, {"outcome": "timeout", "message": "too slow"}), "stop", "failed", "failed"),
        ((RunFailed, {"code": "error", "message": "broken"}), "stop", "failed", "failed"),
    ],
)
def test_each_end_of_a_run_has_its_own(end: Any, reason: str, event: str, status: str) -> None:
    last = events(run(*message(*text("Hi"), finish_reason=reason), end=end))[-1]
    response = last["response"]
    assert (last["type"], response["status"]) == (f"response.{event}", status)
    assert (response["error"] is not None) == (status == "failed")
    assert (response["incomplete_details"] is not None) == (status == "incomplete")
    assert (response["completed_at"] is not None) == (status == "completed")
    assert response["output"][0]["status"] == ("completed" if status == "completed" else "incomplete")


def test_the_error_of_a_failed_response_is_of_the_protocols_codes() -> None:
    codes = [("rate_limited", "rate_limit_exceeded"), ("guard", "invalid_prompt"), ("server_restart", "server_error")]
    for ours, theirs in codes:
        last = events(run(end=(RunFailed, {"code": ours, "message": "m"})))[-1]
        assert last["response"]["error"] == {"code": theirs, "message": "m"}


def test_usage_is_said_once_all_is_over() -> None:
    told = events(EVERYTHING)
    assert told[0]["response"]["usage"] is None
    usage = told[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (3, 2, 5)
    assert usage["output_tokens_details"] == {"reasoning_tokens": USAGE.reasoning_tokens}


def test_the_response_repeats_what_the_request_said() -> None:
    echo = {"instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.5, "conversation": {"id": "c"}}
    for event in (events(EVERYTHING, echo=echo)[0], events(EVERYTHING, echo=echo)[-1]):
        assert {key: event["response"][key] for key in echo} == echo


def test_a_slow_reader_gets_the_same_numbers_as_a_fast_one() -> None:
    assert not Responses.merges


def test_starting_after_any_number_says_exactly_what_is_missing() -> None:
    uncut = project(Responses(), EVERYTHING)
    for number in range(-1, len(uncut)):
        assert project(Responses(starting_after=number), EVERYTHING) == uncut[number + 1 :]


def test_resuming_behind_any_event_says_exactly_what_is_missing() -> None:
    uncut = project(Responses(), EVERYTHING)
    for cut in range(len(EVERYTHING) + 1):
        assert project(Responses(), EVERYTHING[:cut]) + project(Responses(), EVERYTHING, cut) == uncut


def test_the_response_can_be_looked_at_after_any_event() -> None:
    projection = Responses()
    for event in EVERYTHING:
        projection.step(event)
        Response.model_validate(projection.response(), strict=True)


def test_an_item_under_way_shows_what_it_has() -> None:
    projection = Responses()
    log = log_of(
        (type(EVERYTHING[0]), {"agent": "a"}),
        *message(*text("Hi", " you"))[:3],
        (ToolStarted, {"id": "c", "name": "f", "message_id": "m1"}),
    )
    for event in log:
        projection.step(event)
    output = projection.response()["output"]
    assert output[0]["content"][0]["text"] == "Hi"
    assert [item["status"] for item in output] == ["in_progress", "in_progress"]


def test_looking_at_a_response_changes_nothing_of_its_stream() -> None:
    looked, frames = Responses(), []
    for event in EVERYTHING:
        frames += looked.step(event)
        looked.response()
    assert frames == project(Responses(), EVERYTHING)


def test_a_tool_that_answers_with_a_text_is_told_as_it_is() -> None:
    log = run(
        *message(
            (ToolStarted, {"id": "c", "name": "f", "message_id": "m1"}),
            (ToolInput, {"id": "c", "name": "f", "input": None}),
        ),
        (ToolOutput, {"id": "c", "output": "plain"}),
    )
    call, result = events(log)[-1]["response"]["output"]
    assert (call["arguments"], result["output"]) == ("{}", "plain")
