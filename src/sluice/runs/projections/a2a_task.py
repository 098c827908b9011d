"""A run as A2A sees it: a task with a state, artifacts that grow, a history. No version's words: those are a2a*.py.

    run.started              the task, submitted; then: working
    text.delta               a piece of the artifact `answer` of its message; `append` after the first
    message.finished         the last piece of that artifact, with nothing in it
    file, artifact, source, attachment   an artifact at once, whole
    step, progress, data     working, with what it is in the metadata
    run.finished, .failed    completed with the answer, input-required with the question, canceled, failed

Reasoning, tools and the channel `processing` have no word here. A task that was interrupted and goes on is one task and
several runs: whoever makes this says what went before. agents.md C.3, D.3; A2A specification 1.0 (read 2026-11-21).
"""

from io import StringIO
from typing import Any, Literal, TypeAlias

import msgspec

from sluice.runs.events import (
    Artifact,
    Attachment,
    Data,
    Event,
    File,
    InterruptRequested,
    MessageFinished,
    Progress,
    RunFailed,
    RunFinished,
    RunStarted,
    Source,
    StepStarted,
    TextDelta,
    TextStarted,
    TokenUsage,
)
from sluice.runs.fold import STREAM_INTERRUPTED
from sluice.runs.messages import DataPart, FilePart, Message, Part, TextPart

State = Literal["submitted", "working", "input-required", "completed", "canceled", "failed"]
OVER: frozenset[State] = frozenset({"completed", "canceled", "failed"})
"""States that a task never leaves."""
STILL: frozenset[State] = OVER | {"input-required"}
"""States in which a stream ends."""
ANSWER = "answer"
"""The name of artifacts that hold what the agent said."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a task, and what the agent says of it."""

    state: State
    ts: int
    """Milliseconds since 1970."""
    message: Message | None = None
    metadata: dict[str, Any] = {}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact, or what is to be put behind it."""

    id: str
    parts: tuple[Part, ...]
    name: str = ""
    description: str = ""
    append: bool = False
    last: bool = False


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it stands."""

    id: str
    context_id: str
    status: Status
    artifacts: tuple[Piece, ...] = ()
    history: tuple[Message, ...] = ()


Update: TypeAlias = Snapshot | Status | Piece


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier runs of the same task left."""

    artifacts: tuple[Piece, ...] = ()
    history: tuple[Message, ...] = ()


class Task:
    """Give it each event of a run. `task_id`: of the first run of the task; empty = this run is the first."""

    __slots__ = ("_history", "_message_of", "_mine", "_past", "_questions", "_texts", "context_id", "id", "status")

    def __init__(self, task_id: str = "", past: Past = Past()) -> None:  # noqa: B008  # frozen
        self.id, self.context_id = task_id, ""
        self.status = Status(state="submitted", ts=0)
        self._history = list(past.history)
        self._past = {piece.id: piece for piece in past.artifacts}
        self._mine: dict[str, Piece] = {}
        """What this run gave that is no text of its own, by id."""
        self._texts: dict[str, StringIO] = {}
        """The text of this run by message."""
        self._message_of: dict[str, str] = {}
        """The message of each open text on the channel `text`."""
        self._questions: list[InterruptRequested] = []

    # -- events -------------------------------------------------------------------------------------------------------

    def step(self, event: Event) -> list[Update]:
        """Return what A2A says at this event."""
        match event:
            case TextDelta():
                return self._say(event)
            case TextStarted():
                if event.channel == "text":
                    self._message_of[event.id] = event.message_id
            case MessageFinished():
                return self._close(event.id)
            case File() | Artifact() | Source() | Attachment():
                piece = self._mine[event_name(event)] = _whole(event)
                return [piece]
            case StepStarted() | Progress() | Data():
                return [self._is(_busy(event))]
            case InterruptRequested():
                self._questions.append(event)
            case RunStarted():
                return [self.wait(event), self._is(Status(state="working", ts=event.ts))]
            case RunFinished() | RunFailed():
                return [self._is(self._end(event))]
        return []

    def _is(self, status: Status) -> Status:
        self.status = status
        return status

    def wait(self, event: RunStarted) -> Snapshot:
        """Return the task of a run that is still to begin as this says."""
        self.id = self.id or event.run_id
        self.context_id = event.thread_id
        known = {message.id for message in self._history}
        asked = [message for message in event.input if message.role == "user" and message.id not in known]
        self._history += [_named(message, event, place) for place, message in enumerate(asked)]
        self._is(Status(state="submitted", ts=event.ts))
        return self.snapshot()

    def _say(self, event: TextDelta) -> list[Update]:
        message = self._message_of.get(event.id)
        if message is None:
            return []
        text = self._texts.get(message)
        grows = text is not None or message in self._past
        if text is None:
            text = self._texts[message] = StringIO()
        text.write(event.text)
        return [Piece(id=message, name=ANSWER, parts=(TextPart(text=event.text),), append=grows)]

    def _close(self, message: str) -> list[Update]:
        self._message_of.clear()
        if message not in self._texts:
            return []
        return [Piece(id=message, name=ANSWER, parts=(TextPart(text=""),), append=True, last=True)]

    def _end(self, event: RunFinished | RunFailed) -> Status:
        metadata = _spent(event.usage)
        if isinstance(event, RunFailed):
            metadata |= {"code": event.code, "retryable": event.retryable}
            return Status(state="failed", ts=event.ts, message=_note(event, event.message), metadata=metadata)
        match event.outcome:
            case "success":
                message = self._answer(self._said(), event.run_id)
                return Status(state="completed", ts=event.ts, message=message, metadata=metadata)
            case "interrupt":
                return self._ask(event, metadata)
            case "cancelled":
                return Status(state="canceled", ts=event.ts, metadata=metadata | {"reason": event.reason})
            case "timeout":
                message, metadata = _note(event, event.message), metadata | {"code": "timeout"}
                return Status(state="failed", ts=event.ts, message=message, metadata=metadata)

    def _ask(self, event: RunFinished, metadata: dict[str, Any]) -> Status:
        parts = tuple(
            TextPart(text=asked.question) if isinstance(asked.question, str) else DataPart(data=asked.question)
            for asked in self._questions
        )
        metadata["interrupts"] = [
            {"id": asked.id, "reason": asked.reason} | ({"schema": asked.schema} if asked.schema is not None else {})
            for asked in self._questions
        ]
        name = f"msg-{event.run_id}-{event.seq}"
        message = Message(role="assistant", parts=parts, id=name) if parts else None
        return Status(state="input-required", ts=event.ts, message=message, metadata=metadata)

    # -- as it stands -------------------------------------------------------------------------------------------------

    def _said(self) -> list[Piece]:
        return [
            Piece(id=name, name=ANSWER, parts=(TextPart(text=text.getvalue()),)) for name, text in self._texts.items()
        ]

    def _artifacts(self) -> tuple[Piece, ...]:
        pieces = dict(self._past)
        for piece in self._said():
            before = pieces[piece.id].parts if piece.id in pieces else ()
            pieces[piece.id] = Piece(id=piece.id, name=ANSWER, parts=(*before, *piece.parts))
        return tuple((pieces | self._mine).values())

    def snapshot(self) -> Snapshot:
        """Return the whole task."""
        return Snapshot(
            id=self.id,
            context_id=self.context_id,
            status=self.status,
            artifacts=self._artifacts(),
            history=tuple(self._history),
        )

    def past(self) -> Past:
        """Return what the next run of this task has behind it: the question is part of the history then."""
        asked = (self.status.message,) if self.status.message is not None else ()
        return Past(artifacts=self._artifacts(), history=(*self._history, *asked))

    def reply(self, run_id: str) -> Message | None:
        """Return all that this run gave as one message, for who asked for no task; None if it gave nothing. Behind the
        text of a run that did not come to its end stands the notice of seed 003."""
        message = self._answer([*self._said(), *self._mine.values()], run_id)
        if message is not None and self.status.state == "failed":
            notice = TextPart(text=STREAM_INTERRUPTED)
            return Message(role="assistant", parts=(*message.parts, notice), id=message.id)
        return message

    def _answer(self, pieces: list[Piece], run_id: str) -> Message | None:
        parts = tuple(part for piece in pieces for part in piece.parts)
        name = next(reversed(self._texts), f"msg-{run_id}")
        return Message(role="assistant", parts=parts, id=name) if parts else None


def _named(message: Message, event: RunStarted, place: int) -> Message:
    """Return the message with an id: A2A knows none without."""
    return message if message.id else msgspec.structs.replace(message, id=f"msg-{event.run_id}-in-{place}")


def event_name(event: File | Artifact | Source | Attachment) -> str:
    """Return the artifact's id."""
    return f"attachment-{event.run_id}-{event.seq}" if isinstance(event, Attachment) else event.id


def _note(event: Event, text: str) -> Message | None:
    """Return what is said on the way; its id is made of the event's place, so that every reader sees the same."""
    name = f"msg-{event.run_id}-{event.seq}"
    return Message(role="assistant", parts=(TextPart(text=text),), id=name) if text else None


def _busy(event: StepStarted | Progress | Data) -> Status:
    match event:
        case StepStarted():
            text, what = event.name, {"step": {"id": event.id, "name": event.name}}
        case Progress():
            value: dict[str, Any] = {} if event.value is None else {"value": event.value}
            text, what = event.note, {"progress": value | ({"note": event.note} if event.note else {})}
        case Data():
            named = {"name": event.name, "value": event.value} | ({"id": event.id} if event.id else {})
            text, what = "", {"data": named}
    return Status(state="working", ts=event.ts, message=_note(event, text), metadata=what)


def _whole(event: File | Artifact | Source | Attachment) -> Piece:
    match event:
        case File():
            name = event.name or "file"
            parts: tuple[Part, ...] = (FilePart(url=event.url, media_type=event.media_type, name=event.name),)
            return Piece(id=event.id, name=name, parts=parts, last=True)
        case Artifact():
            return Piece(id=event.id, name=event.name, description=event.description, parts=event.parts, last=True)
        case Source():
            known = {"url": event.url, "title": event.title, "mediaType": event.media_type}
            data = DataPart(data={key: value for key, value in known.items() if value})
            return Piece(id=event.id, name="source", parts=(data,), last=True)
        case Attachment():
            value = {"type": event.kind, "value": event.value, "metadata": dict(event.metadata)}
            return Piece(id=event_name(event), name=event.kind, parts=(DataPart(data=value),), last=True)


def _spent(usage: TokenUsage) -> dict[str, Any]:
    if not usage.total_tokens:
        return {}
    counts = {"inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens}
    return {"usage": counts | {"totalTokens": usage.total_tokens}}
