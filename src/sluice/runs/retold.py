"""A log made up again from a run's record: for who asks about a run whose events are not kept any more, or has none
yet.

It says the same messages in the same order, each block in one piece; what is not part of a message is lost.
"""

from collections.abc import Iterator
from typing import Any

from sluice.runs.events import (
    Event,
    File,
    MessageFinished,
    MessageStarted,
    Outcome,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    RunStarted,
    TextDelta,
    TextFinished,
    TextStarted,
    ToolFailed,
    ToolInput,
    ToolOutput,
    ToolStarted,
)
from sluice.runs.fold import STREAM_INTERRUPTED
from sluice.runs.messages import FilePart, Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from sluice.runs.records import LIVE, Run, RunStatus

_OUTCOMES: dict[RunStatus, Outcome] = {
    "success": "success",
    "interrupted": "interrupt",
    "cancelled": "cancelled",
    "timeout": "timeout",
}
_Said = tuple[Any, dict[str, Any]]


def retold(run: Run) -> list[Event]:
    """Return a log that says what the record says; of a run that lives only that it was asked."""
    said: list[_Said] = [
        (RunStarted, {"agent": run.agent, "version": run.version, "request_id": run.request_id, "input": run.input})
    ]
    if run.status not in LIVE:
        said += _messages(run.output, waits=run.status == "interrupted")
        said.append(_end(run))
    last = len(said)
    return [
        kind(
            seq=seq,
            run_id=run.id,
            thread_id=run.thread_id,
            ts=run.finished if seq == last > 1 else run.created,
            **fields,
        )
        for seq, (kind, fields) in enumerate(said, 1)
    ]


def _end(run: Run) -> _Said:
    if run.error is not None or run.status not in _OUTCOMES:
        error = run.error
        code, message = (error.code, error.message) if error is not None else ("error", "the run failed")
        status = error.status if error is not None else 500
        return RunFailed, {"code": code, "message": message, "status": status, "usage": run.usage, "stats": run.stats}
    return RunFinished, {"outcome": _OUTCOMES[run.status], "usage": run.usage, "stats": run.stats}


def _messages(messages: tuple[Message, ...], *, waits: bool) -> Iterator[_Said]:
    answered = {part.id for message in messages for part in message.parts if isinstance(part, ToolResultPart)}
    for place, message in enumerate(messages):
        name = message.id or f"message-{place}"
        if message.role == "tool":
            yield from (_result(part) for part in message.parts if isinstance(part, ToolResultPart))
            continue
        yield MessageStarted, {"id": name}
        for number, part in enumerate(message.parts):
            yield from _part(part, f"{name}-{number}", name)
        yield MessageFinished, {"id": name}
        for part in () if waits else message.parts:
            if isinstance(part, ToolCallPart) and part.id not in answered:
                yield ToolFailed, {"id": part.id, "error": "it gave no result"}


def _part(part: Part, block: str, message: str) -> Iterator[_Said]:
    match part:
        case TextPart(text=text) if text == STREAM_INTERRUPTED:
            return  # the end of the run says it again
        case TextPart():
            yield TextStarted, {"id": block, "message_id": message}
            yield TextDelta, {"id": block, "text": part.text}
            yield TextFinished, {"id": block}
        case ReasoningPart():
            yield ReasoningStarted, {"id": block, "message_id": message}
            yield ReasoningDelta, {"id": block, "text": part.text}
            yield ReasoningFinished, {"id": block}
        case ToolCallPart():
            yield ToolStarted, {"id": part.id, "name": part.name, "message_id": message}
            yield ToolInput, {"id": part.id, "name": part.name, "input": part.input}
        case FilePart():
            yield File, {"id": block, "url": part.url, "media_type": part.media_type, "name": part.name}


def _result(part: ToolResultPart) -> _Said:
    if part.error:
        return ToolFailed, {"id": part.id, "error": part.error}
    return ToolOutput, {"id": part.id, "output": part.output}
