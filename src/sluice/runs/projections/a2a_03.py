"""A2A 0.2 and 0.3 over JSON-RPC: objects that say their `kind`, which is the name of the frame too. agents.md A.2, C.3.

Source: A2A specification 0.3.0 and the models of a2a-sdk 0.2.16 and 0.3.26 (read 2026-11-21).
"""

from typing import Any, ClassVar

from sluice.runs.messages import DataPart, FilePart, Message, TextPart
from sluice.runs.projections.a2a_parts import Said, beside, inline, iso, sayable
from sluice.runs.projections.a2a_task import STILL, Piece, Snapshot, Status, Task, Update
from sluice.runs.projections.a2a_words import Projected, Told

KNOWN = ("extensions", "referenceTaskIds", "security")
WRAPPED = "data_part_compat"
"""How a2a-sdk marks data that is no object and therefore stands in one under `value`."""


def boxed(part: DataPart) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the data as the object that these versions want, and the part's metadata."""
    about: dict[str, Any] = {"name": part.name} if part.name else {}
    if isinstance(part.data, dict):
        return part.data, about
    return {"value": part.data}, about | {WRAPPED: True}


class A2a03Words:
    """The words of 0.2 and 0.3. Implements `a2a_words.Words`."""

    def part(self, part: Said) -> dict[str, Any]:
        match part:
            case TextPart():
                return {"kind": "text", "text": part.text}
            case DataPart():
                data, about = boxed(part)
                return {"kind": "data", "data": data} | ({"metadata": about} if about else {})
            case FilePart():
                held = inline(part.url)
                file = {"uri": part.url} if held is None else {"bytes": held}
                named = {"name": part.name} if part.name else {}
                return {"kind": "file", "file": {**file, "mimeType": part.media_type, **named}}

    def message(self, message: Message, task_id: str, context_id: str) -> dict[str, Any]:
        role = "user" if message.role == "user" else "agent"
        parts = [self.part(part) for part in sayable(message.parts)]
        return {"kind": "message", "role": role, "parts": parts, **beside(message, task_id, context_id, known=KNOWN)}

    def status(self, status: Status, task_id: str, context_id: str) -> dict[str, Any]:
        told: dict[str, Any] = {"state": status.state, "timestamp": iso(status.ts)}
        if status.message is not None:
            told["message"] = self.message(status.message, task_id, context_id)
        return told

    def artifact(self, piece: Piece) -> dict[str, Any]:
        named = {"name": piece.name, "description": piece.description}
        parts = [self.part(part) for part in sayable(piece.parts)]
        return {"artifactId": piece.id, "parts": parts, **{key: value for key, value in named.items() if value}}

    def task(self, task: Snapshot) -> dict[str, Any]:
        told: dict[str, Any] = {
            "kind": "task",
            "id": task.id,
            "contextId": task.context_id,
            "status": self.status(task.status, task.id, task.context_id),
            "artifacts": [self.artifact(piece) for piece in task.artifacts],
            "history": [self.message(message, task.id, task.context_id) for message in task.history],
        }
        return told | ({"metadata": task.status.metadata} if task.status.metadata else {})

    def told(self, update: Update, task: Task) -> Told:
        place = {"taskId": task.id, "contextId": task.context_id}
        match update:
            case Snapshot():
                return Told(self.task(update), "task")
            case Status():
                status = self.status(update, task.id, task.context_id)
                about = {"metadata": update.metadata} if update.metadata else {}
                final = update.state in STILL
                body = {"kind": "status-update", **place, "status": status, "final": final, **about}
                return Told(body, "status-update")
            case Piece():
                marks = {"append": update.append, "lastChunk": update.last}
                body = {"kind": "artifact-update", **place, "artifact": self.artifact(update), **marks}
                return Told(body, "artifact-update")

    def answer(self, given: dict[str, Any], kind: str) -> dict[str, Any]:
        return given


WORDS = A2a03Words()


class A2a03(Projected):
    """A run in A2A 0.2 and 0.3."""

    name: ClassVar[str] = "a2a-0.3"
    words = WORDS
