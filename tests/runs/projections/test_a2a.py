"""A run in A2A 1.0, 0.3 and 0.3 over REST: every frame is one that a2a-sdk's own models know, in the order of C.3."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2, types
from a2a.types import a2a_pb2
from google.protobuf import json_format
from hypothesis import given, settings

from sluice.agents.merging import merged
from sluice.runs.events import Event, InterruptRequested, RunFinished, RunStarted
from sluice.runs.messages import DataPart, FilePart, Message, TextPart, said
from sluice.runs.projection import Frame, Projection, project
from sluice.runs.projections.a2a import A2a
from sluice.runs.projections.a2a_03 import A2a03
from sluice.runs.projections.a2a_03_rest import A2a03Rest
from sluice.runs.projections.a2a_task import Past, Piece, Task
from sluice.runs.projections.table import projection
from tests.runs.laws import ENDS, RUN, Script, Verb, check_resume, end, played, random_logs
from tests.runs.projections.a2a_readers import Read, artifacts_of, check_order

MAKES: list[Callable[..., Projection]] = [A2a, A2a03, A2a03Rest]
EXAMPLES = settings(max_examples=25)


def known(make: Callable[..., Projection], frame: Frame) -> object:
    """Return the frame as the official client reads it; one field too many is an error."""
    body = json.loads(frame.data)
    if make is A2a03:
        return types.SendStreamingMessageSuccessResponse.model_validate({"jsonrpc": "2.0", "id": 1, "result": body})
    kind = a2a_pb2.StreamResponse if make is A2a else a2a_v0_3_pb2.StreamResponse
    return json_format.ParseDict(body, kind())


@pytest.mark.parametrize("make", MAKES)
@EXAMPLES
@given(log=random_logs())
def test_every_log_keeps_the_order_of_the_protocol_and_each_frame_is_one_the_client_knows(
    make: Callable[..., Projection], log: list[Event]
) -> None:
    frames = project(make(), log)
    check_order(frames)
    for frame in frames:
        known(make, frame)


@pytest.mark.parametrize("make", MAKES)
@EXAMPLES
@given(log=random_logs(12))
def test_resuming_gives_what_the_reader_lacks(make: Callable[..., Projection], log: list[Event]) -> None:
    check_resume(make, log)


@EXAMPLES
@given(log=random_logs())
def test_a_slow_reader_ends_with_the_same_artifacts(log: list[Event]) -> None:
    assert artifacts_of(project(A2a(), merged(log))) == artifacts_of(project(A2a(), log))


@EXAMPLES
@given(log=random_logs(12))
def test_who_rejoins_gets_the_task_as_it_stands_and_then_has_what_everybody_has(log: list[Event]) -> None:
    whole = artifacts_of(project(A2a(), log))
    for at in range(1, len(log) + 1):
        frames = project(A2a(rejoin=at), log, after=at - 1)
        first, last = Read(frames[0]), Read(frames[-1])
        assert first.kind == "task"
        assert artifacts_of(frames) == whole
        assert last.body["status"] == Read(project(A2a(), log)[-1]).body["status"]


def kinds(frames: list[Frame]) -> list[str]:
    return [Read(frame).kind for frame in frames]


def test_a_plain_answer_is_told_piece_by_piece() -> None:
    log = played([Verb("text", "Once"), Verb("text", " upon")], "success")
    read = [Read(frame) for frame in project(A2a(), log)]
    assert [one.kind for one in read] == ["task", "status", "artifact", "artifact", "artifact", "status"]
    assert read[0].body["history"][0]["parts"] == [{"text": "hi"}]
    pieces = [one.body for one in read[2:5]]
    assert [piece["artifact"]["parts"] for piece in pieces] == [[{"text": "Once"}], [{"text": " upon"}], [{"text": ""}]]
    assert [piece.get("append", False) for piece in pieces] == [False, True, True]
    assert [piece.get("lastChunk", False) for piece in pieces] == [False, False, True]
    assert read[5].body["status"]["message"]["parts"] == [{"text": "Once upon"}]
    assert read[0].task_id == RUN.id
    assert read[0].body["contextId"] == RUN.thread_id


def test_the_older_versions_name_their_frames_by_kind_and_say_which_is_final() -> None:
    frames = project(A2a03(), played([Verb("text", "Once")], "success"))
    assert [frame.event for frame in frames] == ["task", "status-update", *["artifact-update"] * 2, "status-update"]
    bodies = [json.loads(frame.data) for frame in frames]
    assert [body["kind"] for body in bodies] == [frame.event for frame in frames]
    assert [body.get("final") for body in bodies] == [None, False, None, None, True]


@pytest.mark.parametrize(
    ("how", "state"),
    [*zip(ENDS, ("completed", "input-required", "canceled", "failed", "failed", "failed"), strict=True)],
)
def test_each_end_of_a_run_is_a_state_of_the_task(how: str, state: str) -> None:
    for make in MAKES:
        assert Read(project(make(), played([Verb("text", "so far")], how))[-1]).state == state


def test_what_people_are_asked_is_the_message_of_input_required() -> None:
    script = Script()
    schema = {"type": "boolean"}
    script.writer.put(InterruptRequested, id="i-1", question="Go on?", schema=schema)
    script.writer.put(InterruptRequested, id="i-2", question={"pick": [1, 2]}, reason="approval", tool_id="call-1")
    script.writer.finish("interrupt")
    body = Read(project(A2a(), script.log())[-1]).body
    assert body["status"]["message"]["parts"] == [{"text": "Go on?"}, {"data": {"pick": [1, 2]}}]
    assert body["metadata"]["interrupts"] == [
        {"id": "i-1", "reason": "input", "schema": schema},
        {"id": "i-2", "reason": "approval"},
    ]


def test_why_a_run_failed_is_the_message_and_a_code_and_how_long_it_may_take_is_told_as_the_seed_does() -> None:
    failed = Read(project(A2a(), played([], "guard"))[-1]).body
    assert failed["status"]["message"]["parts"] == [{"text": "it failed"}]
    assert failed["metadata"] == {"code": "guard", "retryable": False}
    late = Read(project(A2a(), played([], "timeout"))[-1]).body
    assert late["status"]["message"]["parts"] == [{"text": "streaming timeout after 30s"}]


def test_steps_progress_and_data_are_told_while_it_works_and_tools_and_reasoning_are_not() -> None:
    verbs = [Verb("think", "hm"), Verb("tool"), Verb("call"), Verb("output"), Verb("step", which=1)]
    verbs += [Verb("progress", "half", which=2), Verb("data", which=2, json=[1])]
    read = [Read(frame) for frame in project(A2a(), played(verbs, "success"))][2:-1]
    assert [one.body["metadata"].keys() for one in read] == [{"step"}, {"progress"}, {"data"}]
    assert read[1].body["metadata"]["progress"] == {"value": 0.5, "note": "half"}
    assert read[1].body["status"]["message"]["parts"] == [{"text": "half"}]
    assert read[2].body["metadata"]["data"] == {"name": "data-2", "value": [1]}


def test_text_that_is_not_the_answer_is_no_artifact() -> None:
    log = played([Verb("text", "aside", channel="processing")], "success")
    assert kinds(project(A2a(), log)) == ["task", "status", "status"]


@pytest.mark.parametrize(
    ("make", "held", "linked"),
    [
        (A2a, {"raw": "aGk=", "mediaType": "text/plain", "filename": "a"}, {"url": "https://x/y", "mediaType": "a/b"}),
        (
            A2a03,
            {"kind": "file", "file": {"bytes": "aGk=", "mimeType": "text/plain", "name": "a"}},
            {"kind": "file", "file": {"uri": "https://x/y", "mimeType": "a/b"}},
        ),
        (
            A2a03Rest,
            {"file": {"fileWithBytes": "YUdrPQ==", "mimeType": "text/plain", "name": "a"}},
            {"file": {"fileWithUri": "https://x/y", "mimeType": "a/b"}},
        ),
    ],
)
def test_a_file_is_sent_as_bytes_or_as_a_place(make: Callable[..., Projection], held: Any, linked: Any) -> None:
    parts = (
        FilePart(url="data:text/plain;base64,aGk=", media_type="text/plain", name="a"),
        FilePart(url="data:text/plain,hi", media_type="text/plain", name="a"),
        FilePart(url="https://x/y", media_type="a/b"),
    )
    asked = RunStarted(
        seq=1, run_id="r", thread_id="t", ts=0, agent="a", input=(Message(role="user", parts=parts, id="m"),)
    )
    (message,) = Read(make().step(asked)[0]).body["history"]
    assert message.get("parts", message.get("content")) == [held, held, linked]


def test_data_that_is_no_object_stands_in_one_where_the_older_versions_want_it() -> None:
    asked = RunStarted(
        seq=1,
        run_id="r",
        thread_id="t",
        ts=0,
        agent="a",
        input=(Message(role="user", parts=(DataPart(data=[1]), DataPart(data={"b": 1}, name="n")), id="m"),),
    )
    told = [Read(make().step(asked)[0]).body["history"][0] for make in MAKES]
    boxed = {"value": [1]}
    assert told[0]["parts"] == [{"data": [1]}, {"data": {"b": 1}, "metadata": {"name": "n"}}]
    assert [part["data"] for part in told[1]["parts"]] == [boxed, {"b": 1}]
    assert [part["data"] for part in told[2]["content"]] == [{"data": boxed}, {"data": {"b": 1}}]
    assert told[1]["parts"][0]["metadata"] == {"data_part_compat": True}


def test_a_task_that_goes_on_keeps_its_id_its_artifacts_and_its_history() -> None:
    script = Script()
    script.writer.text("Name? ")
    script.writer.put(InterruptRequested, id="i-1", question="Who?")
    script.writer.finish("interrupt")
    first = Task()
    for event in script.log():
        first.step(event)
    before = first.past()
    past = Past(artifacts=before.artifacts, history=(*before.history, said("Ada", id="answer")))
    second = Script(msgspec.structs.replace(RUN, id="run-2", input=()))
    second.writer.text("Hello Ada")
    second.writer.finish("success")
    frames = project(A2a(Task("task-1", past)), second.log())
    check_order(frames)
    read = Read(frames[0])
    assert read.task_id == Read(frames[-1]).task_id == "task-1"
    assert [message["parts"] for message in read.body["history"]][-2:] == [[{"text": "Who?"}], [{"text": "Ada"}]]
    assert [parts[0]["text"] for parts in artifacts_of(frames).values()] == ["Name? ", "Hello Ada"]


def test_a_message_that_goes_on_in_the_next_run_is_appended_to() -> None:
    log = played([Verb("text", "two")], "success")
    name = next(Read(frame).body["artifact"]["artifactId"] for frame in project(A2a(), log)[2:])
    past = Past(artifacts=(Piece(id=name, name="answer", parts=(TextPart(text="one "),)),))
    frames = project(A2a(Task("task-1", past)), log)
    assert Read(frames[2]).body["append"] is True
    assert artifacts_of(frames) == {name: [{"text": "one two"}]}


def test_an_answer_to_a_call_is_in_its_envelope_whatever_the_version() -> None:
    for make in MAKES:
        bare = project(make(), played([Verb("text", "x")], "success"))
        wrapped = project(make(None, b'"call-1"'), played([Verb("text", "x")], "success"))
        assert [json.loads(frame.data) for frame in wrapped] == [
            {"jsonrpc": "2.0", "id": "call-1", "result": json.loads(frame.data)} for frame in bare
        ]


def test_both_versions_can_be_asked_for_by_name() -> None:
    assert isinstance(projection("a2a"), A2a)
    assert isinstance(projection("a2a-0.3"), A2a03)


def test_tokens_are_in_the_metadata_of_the_end() -> None:
    read = Read(project(A2a(), played([Verb("usage", which=3)], "success"))[-1])
    assert read.body["metadata"]["usage"] == {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}


def test_a_run_that_is_stopped_says_why() -> None:
    script = Script()
    script.writer.finish("cancelled", reason="nobody watches")
    assert isinstance(script.log()[-1], RunFinished)
    assert Read(project(A2a(), script.log())[-1]).body["metadata"] == {"reason": "nobody watches"}
    end(script, "success")  # nothing follows an end
    assert len(script.log()) == 2
