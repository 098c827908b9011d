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

SENT = "a2a_message"
"""Where a run's options keep the message that answered a question."""
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
    for event in _events(run):
        task.step(event)


def _events(run: Run) -> Iterator[Event]:
    yield begun(run)
    here: dict[str, Any] = {"run_id": run.id, "thread_id": run.thread_id, "ts": run.finished or run.started}
    seq = 1
    for message in run.output:
        for event in _said(message, here):
            seq += 1
            yield msgspec.structs.replace(event, seq=seq)
    yield from run.interrupts
    here["seq"] = run.last_seq or seq + 1
    if run.error is not None:
        error = run.error
        yield RunFailed(**here, code=error.code, message=error.message, retryable=error.retryable, usage=run.usage)
    elif run.status in _OUTCOMES:
        yield RunFinished(**here, outcome=_OUTCOMES[run.status], usage=run.usage)


def _said(message: Message, here: dict[str, Any]) -> Iterator[Event]:
    if message.role != "assistant":
        return
    yield MessageStarted(**here, seq=0, id=message.id)
    for number, part in enumerate(message.parts):
        name = f"{message.id}-{number}"
        if isinstance(part, TextPart):
            yield TextStarted(**here, seq=0, id=name, message_id=message.id)
            yield TextDelta(**here, seq=0, id=name, text=part.text)
            yield TextFinished(**here, seq=0, id=name)
        elif isinstance(part, FilePart):
            yield File(**here, seq=0, id=name, url=part.url, media_type=part.media_type, name=part.name)
    yield MessageFinished(**here, seq=0, id=message.id)


def answered(run: Run) -> Message | None:
    """Return the message by which a person answered what the run before this one asked; None if it answers nothing."""
    kept = run.options.get(SENT)
    if kept is not None:
        return msgspec.convert(kept, Message)
    values = [run.answers[name].get("value") for name in run.answered if name in run.answers]
    parts: tuple[Part, ...] = tuple(
        TextPart(text=value) if isinstance(value, str) else DataPart(data=value) for value in values
    )
    return Message(role="user", parts=parts, id=f"msg-{run.id}") if parts else None
