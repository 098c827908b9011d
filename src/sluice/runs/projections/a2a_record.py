"""A run whose events are not kept any more, or not written yet, told from its record: what is lost are the steps on the
way, not what was asked, answered and how it ended."""

from collections.abc import Iterator
from typing import Any

import msgspec

from sluice.runs.events import (
    Event,
    File,
    MessageFinished,
    MessageStarted,
    Outcome,
    RunFailed,
    RunFinished,
    RunStarted,
    TextDelta,
    TextFinished,
    TextStarted,
)
from sluice.runs.messages import DataPart, FilePart, Message, Part, TextPart
from sluice.runs.projections.a2a_task import Task
from sluice.runs.records import Run, RunStatus

_OUTCOMES: dict[RunStatus, Outcome] = {
    "success": "success",
    "interrupted": "interrupt",
    "cancelled": "cancelled",
    "timeout": "timeout",
}


def begun(run: Run) -> RunStarted:
    """Return the first event of a run."""
    return RunStarted(seq=1, run_id=run.id, thread_id=run.thread_id, ts=run.created, agent=run.agent, input=run.input)


def recall(run: Run, task: Task) -> None:
    """Bring a task to where the record of its run is."""
    if run.status == "pending":
        task.wait(begun(run))
        return
    for event in remembered(run):
        task.step(event)


def remembered(run: Run) -> list[Event]:
    """Return what a run said as the fewest events that would say it."""
    return [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(_events(run), 1)]


def _events(run: Run) -> Iterator[Event]:
    yield begun(run)
    here: dict[str, Any] = {"seq": 0, "run_id": run.id, "thread_id": run.thread_id, "ts": run.finished or run.started}
    for message in run.output:
        if message.role == "assistant":
            yield from _said(message, here)
    yield from run.interrupts
    if run.error is not None:
        error = run.error
        yield RunFailed(**here, code=error.code, message=error.message, retryable=error.retryable, usage=run.usage)
    elif run.status in _OUTCOMES:
        yield RunFinished(**here, outcome=_OUTCOMES[run.status], usage=run.usage)


def _said(message: Message, here: dict[str, Any]) -> Iterator[Event]:
    yield MessageStarted(**here, id=message.id)
    for number, part in enumerate(message.parts):
        name = f"{message.id}-{number}"
        if isinstance(part, TextPart):
            yield TextStarted(**here, id=name, message_id=message.id)
            yield TextDelta(**here, id=name, text=part.text)
            yield TextFinished(**here, id=name)
        elif isinstance(part, FilePart):
            yield File(**here, id=name, url=part.url, media_type=part.media_type, name=part.name)
    yield MessageFinished(**here, id=message.id)


def answered(run: Run) -> Message | None:
    """Return the message by which a person answered what the run before this one asked; None if it answers nothing."""
    for message in reversed(run.brought):
        if message.role == "user":
            return message
    values = [run.answers[name].get("value") for name in run.answered if name in run.answers]
    parts: tuple[Part, ...] = tuple(
        TextPart(text=value) if isinstance(value, str) else DataPart(data=value) for value in values
    )
    return Message(role="user", parts=parts, id=f"msg-{run.id}") if parts else None
