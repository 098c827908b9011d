"""A task is told from the record of its run where the events are not kept: the same end, the same answer."""

import msgspec
import pytest

from sluice.runs.events import InterruptRequested
from sluice.runs.fold import Fold
from sluice.runs.messages import DataPart, FilePart, Message, TextPart, said
from sluice.runs.projections.a2a_record import answered, recall
from sluice.runs.projections.a2a_task import State, Task
from sluice.runs.records import Run, RunError, RunStatus
from tests.runs.laws import RUN, Verb, played

ENDED: list[tuple[str, RunStatus]] = [
    ("success", "success"),
    ("interrupt", "interrupted"),
    ("cancelled", "cancelled"),
    ("timeout", "timeout"),
    ("error", "error"),
]


def recorded(how: str, status: RunStatus) -> tuple[Task, Run]:
    """Return a task told from its log, and the record that the run left."""
    task, fold = Task(), Fold()
    for event in played([Verb("text", "so far")], how):
        task.step(event)
        fold.step(event)
    asked = InterruptRequested(seq=5, run_id=RUN.id, thread_id=RUN.thread_id, ts=0, id="i", question="Go on?")
    error = RunError(code="error", message="it failed") if status == "error" else None
    run = msgspec.structs.replace(
        RUN,
        status=status,
        error=error,
        output=fold.messages(),
        interrupts=(asked,) if status == "interrupted" else (),
        finished=9,
        last_seq=9,
    )
    return task, run


@pytest.mark.parametrize(("how", "status"), ENDED)
def test_the_record_gives_the_state_and_the_text_that_the_log_gave(how: str, status: RunStatus) -> None:
    lived, run = recorded(how, status)
    told = Task()
    recall(run, told)
    assert told.status.state == lived.status.state
    assert (told.id, told.context_id) == (RUN.id, RUN.thread_id)
    assert told.snapshot().history == lived.snapshot().history
    text = "".join(part.text for one in told.snapshot().artifacts for part in one.parts if isinstance(part, TextPart))
    assert text.startswith("so far")
    assert (told.status.message is None) == (status == "cancelled" or (status == "timeout"))


@pytest.mark.parametrize(("status", "state"), [("pending", "submitted"), ("running", "working")])
def test_a_run_that_has_said_nothing_yet_is_submitted_or_working(status: RunStatus, state: State) -> None:
    task = Task()
    recall(msgspec.structs.replace(RUN, status=status), task)
    assert task.status.state == state
    assert [message.text for message in task.snapshot().history] == ["hi"]


def test_a_file_of_the_answer_is_an_artifact() -> None:
    file = FilePart(url="https://x/y", media_type="a/b", name="y")
    task = Task()
    recall(
        msgspec.structs.replace(
            RUN, status="success", output=(Message(role="assistant", parts=(file,), id="m"), said("no", "tool"))
        ),
        task,
    )
    assert [(one.name, one.parts) for one in task.snapshot().artifacts] == [("y", (file,))]


def test_what_answered_a_question_is_the_message_that_was_sent_or_else_the_answer() -> None:
    message = said("yes", id="m-1")
    sent = msgspec.structs.replace(RUN, brought=(message,))
    assert answered(sent) == message
    values = {"i-1": {"status": "resolved", "value": "yes"}, "i-2": {"status": "resolved", "value": {"n": 1}}}
    elsewhere = answered(msgspec.structs.replace(RUN, answers=values, answered=("i-1", "i-2")))
    assert elsewhere is not None
    assert elsewhere.parts == (TextPart(text="yes"), DataPart(data={"n": 1}))
    assert answered(RUN) is None
