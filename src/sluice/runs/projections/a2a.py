"""A2A 1.0: each frame is a `StreamResponse` as ProtoJSON, without an envelope. agents.md C.3.

Source: A2A specification 1.0, sections 3 to 5, and the messages of a2a-sdk 1.3.0 (read 2026-11-21).
"""

from typing import Any, ClassVar

from sluice.runs.messages import DataPart, FilePart, Message, TextPart
from sluice.runs.projections.a2a_parts import Said, beside, inline, iso, sayable
from sluice.runs.projections.a2a_task import Piece, Snapshot, State, Status, Task, Update
from sluice.runs.projections.a2a_words import Projected, Told

KNOWN = ("extensions", "referenceTaskIds")


def state(name: State) -> str:
    """Return a state as 1.0 spells it: `TASK_STATE_INPUT_REQUIRED`."""
    return "TASK_STATE_" + name.upper().replace("-", "_")


class A2aWords:
    """The words of 1.0. Implements `a2a_words.Words`."""

    def part(self, part: Said) -> dict[str, Any]:
        match part:
            case TextPart():
                return {"text": part.text}
            case DataPart():
                return {"data": part.data} | ({"metadata": {"name": part.name}} if part.name else {})
            case FilePart():
                held = inline(part.url)
                body = {"url": part.url} if held is None else {"raw": held}
                named = {"filename": part.name} if part.name else {}
                return {**body, "mediaType": part.media_type, **named}

    def message(self, message: Message, task_id: str, context_id: str) -> dict[str, Any]:
        role = "ROLE_USER" if message.role == "user" else "ROLE_AGENT"
        parts = [self.part(part) for part in sayable(message.parts)]
        return {"role": role, "parts": parts, **beside(message, task_id, context_id, known=KNOWN)}

    def status(self, status: Status, task_id: str, context_id: str) -> dict[str, Any]:
        told: dict[str, Any] = {"state": state(status.state), "timestamp": iso(status.ts)}
        if status.message is not None:
            told["message"] = self.message(status.message, task_id, context_id)
        return told

    def artifact(self, piece: Piece) -> dict[str, Any]:
        named = {"name": piece.name, "description": piece.description}
        parts = [self.part(part) for part in sayable(piece.parts)]
        return {"artifactId": piece.id, "parts": parts, **{key: value for key, value in named.items() if value}}

    def task(self, task: Snapshot) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": task.id,
            "contextId": task.context_id,
            "status": self.status(task.status, task.id, task.context_id),
        }
        if task.artifacts:
            told["artifacts"] = [self.artifact(piece) for piece in task.artifacts]
        if task.history:
            told["history"] = [self.message(message, task.id, task.context_id) for message in task.history]
        if task.status.metadata:
            told["metadata"] = task.status.metadata
        return told

    def told(self, update: Update, task: Task) -> Told:
        place = {"taskId": task.id, "contextId": task.context_id}
        match update:
            case Snapshot():
                return Told({"task": self.task(update)})
            case Status():
                status = self.status(update, task.id, task.context_id)
                about = {"metadata": update.metadata} if update.metadata else {}
                return Told({"statusUpdate": {**place, "status": status, **about}})
            case Piece():
                marks = {"append": True} if update.append else {}
                marks |= {"lastChunk": True} if update.last else {}
                return Told({"artifactUpdate": {**place, "artifact": self.artifact(update), **marks}})

    def answer(self, given: dict[str, Any], kind: str) -> dict[str, Any]:
        return {kind: given}


WORDS = A2aWords()


class A2a(Projected):
    """A run in A2A 1.0."""

    name: ClassVar[str] = "a2a"
    words = WORDS
