"""A log told again from the record of its run, when its events are not kept any more, or are none yet: what was asked
and said, and how it ended. Not what it was, letter by letter: texts come whole, and reasoning and calls as the messages
have them."""

from collections.abc import Callable
from typing import Any

import msgspec

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


def retold(run: Run) -> list[Event]:
    """Return a log of a run: its fold is what the record has as output. Of a run that lives it says what was asked."""
    teller = _Teller(run)
    teller.say(
        RunStarted,
        agent=run.agent,
        version=run.version,
        request_id=run.request_id,
        input=run.input,
        resumes=run.resumes,
    )
    if run.status not in LIVE:
        for place, message in enumerate(run.output):
            teller.message(message, message.id or f"message-{place}")
        teller.end()
    return teller.log


class _Teller:
    """Numbers what it is given."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: dict[str, None] = {}
        """Calls without a result."""
        self.log: list[Event] = []

    def say(self, kind: Callable[..., Event], **fields: Any) -> None:
        run = self._run
        ts = run.finished or run.created
        self.log.append(kind(seq=len(self.log) + 1, run_id=run.id, thread_id=run.thread_id, ts=ts, **fields))

    def message(self, message: Message, name: str) -> None:
        if message.role == "tool":
            for part in message.parts:
                if isinstance(part, ToolResultPart) and part.id in self._waiting:
                    del self._waiting[part.id]
                    self._result(part)
            return
        self.say(MessageStarted, id=name)
        for number, part in enumerate(message.parts):
            self._part(part, name, f"{name}-{number}")
        self.say(MessageFinished, id=name)

    def _result(self, part: ToolResultPart) -> None:
        if part.error:
            self.say(ToolFailed, id=part.id, error=part.error)
        else:
            self.say(ToolOutput, id=part.id, output=part.output)

    def _part(self, part: Part, message: str, name: str) -> None:
        match part:
            case TextPart(text=text) if text != STREAM_INTERRUPTED:
                self.say(TextStarted, id=name, message_id=message)
                self.say(TextDelta, id=name, text=text)
                self.say(TextFinished, id=name)
            case ReasoningPart():
                self.say(ReasoningStarted, id=name, message_id=message)
                self.say(ReasoningDelta, id=name, text=part.text)
                self.say(ReasoningFinished, id=name)
            case ToolCallPart():
                self._waiting[part.id] = None
                self.say(ToolStarted, id=part.id, name=part.name, message_id=message)
                self.say(ToolInput, id=part.id, name=part.name, input=part.input)
            case FilePart():
                self.say(File, id=name, url=part.url, media_type=part.media_type, name=part.name)

    def end(self) -> None:
        run, error = self._run, self._run.error
        figures = {"usage": run.usage, "stats": run.stats}
        if run.status != "interrupted":
            for call in self._waiting:
                self.say(ToolFailed, id=call, error=run.status)
        else:
            self.log += [
                _renumbered(question, len(self.log) + place) for place, question in enumerate(run.interrupts, 1)
            ]
        if run.status in _OUTCOMES:
            self.say(RunFinished, outcome=_OUTCOMES[run.status], **figures)
        elif error is not None:
            self.say(
                RunFailed,
                code=error.code,
                message=error.message,
                retryable=error.retryable,
                status=error.status,
                **figures,
            )
        else:
            self.say(RunFailed, code="error", message="the run failed", **figures)


def _renumbered(event: Event, seq: int) -> Event:
    return msgspec.structs.replace(event, seq=seq)
