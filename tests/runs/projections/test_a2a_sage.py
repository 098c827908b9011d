"""Seed 003's own clients: bare messages, then `done`, or one `error`."""

import json

import pytest
from hypothesis import given, settings

from sluice.runs.events import Event
from sluice.runs.projection import project
from sluice.runs.projections.a2a_sage import A2aSage
from tests.runs.laws import RUN, Verb, check_resume, played, random_logs


def test_each_piece_of_text_is_a_message_and_then_it_is_done() -> None:
    frames = project(A2aSage(), played([Verb("text", "Once"), Verb("text", " upon")], "success"))
    assert [frame.event for frame in frames] == ["message", "message", "done"]
    first, second = (json.loads(frame.data) for frame in frames[:2])
    assert first["parts"] == [{"kind": "text", "text": "Once"}]
    assert (first["role"], first["kind"], first["contextId"]) == ("agent", "message", RUN.thread_id)
    assert first["messageId"] == second["messageId"]


def test_a_question_is_a_message_too() -> None:
    frames = project(A2aSage(), played([], "interrupt"))
    assert [frame.event for frame in frames] == ["message", "done"]
    assert json.loads(frames[0].data)["parts"] == [{"kind": "text", "text": "Go on?"}]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("guard", {"error": "guard", "message": "it failed"}),
        ("timeout", {"error": "timeout", "message": "streaming timeout after 30s"}),
        ("cancelled", {"error": "cancelled", "message": "the run was cancelled"}),
    ],
)
def test_a_run_that_did_not_come_to_its_end_is_one_error_and_never_done(how: str, told: dict[str, str]) -> None:
    frames = project(A2aSage(), played([Verb("text", "Once")], how))
    assert [frame.event for frame in frames] == ["message", "error"]
    assert json.loads(frames[-1].data) == told


@settings(max_examples=25)
@given(log=random_logs(12))
def test_resuming_gives_what_the_reader_lacks(log: list[Event]) -> None:
    check_resume(A2aSage, log)
    frames = project(A2aSage(), log)
    assert [frame.event in ("done", "error") for frame in frames] == [False] * (len(frames) - 1) + [True]
