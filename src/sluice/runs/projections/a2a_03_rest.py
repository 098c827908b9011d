"""A2A 0.3 over REST: the objects of its protocol buffer as ProtoJSON. agents.md C.3.

Between the two others: states and roles in capitals (`CANCELLED` with two L), a message has `content`, a file one of
`fileWithUri` and `fileWithBytes`, its bytes in base64 twice. Source: a2a.v1 of a2a-sdk 0.3.26 (read 2026-11-21).
"""

from base64 import b64encode
from typing import Any, ClassVar

from sluice.runs.messages import DataPart, FilePart, Message, TextPart
from sluice.runs.projections.a2a_03 import boxed
from sluice.runs.projections.a2a_parts import Said, beside, inline, iso, sayable
from sluice.runs.projections.a2a_task import STILL, Piece, Snapshot, State, Status, Task, Update
from sluice.runs.projections.a2a_words import Projected, Told

KNOWN = ("extensions",)


def state(name: State) -> str:
    """Return a state as this binding spells it."""
    return "TASK_STATE_" + ("CANCELLED" if name == "canceled" else name.upper().replace("-", "_"))


def twice(body: str) -> str:
    """Return base64 in base64: a2a-sdk 0.3 puts the text into a field of bytes, and takes it out of one."""
    return b64encode(body.encode()).decode()


class A2a03RestWords:
    """The words of 0.3 over REST. Implements `a2a_words.Words`."""

    def part(self, part: Said) -> dict[str, Any]:
        match part:
            case TextPart():
                return {"text": part.text}
            case DataPart():
                data, about = boxed(part)
                return {"data": {"data": data}} | ({"metadata": about} if about else {})
            case FilePart():
                held = inline(part.url)
                file = {"fileWithUri": part.url} if held is None else {"fileWithBytes": twice(held)}
                named = {"name": part.name} if part.name else {}
                return {"file": {**file, "mimeType": part.media_type, **named}}

    def message(self, message: Message, task_id: str, context_id: str) -> dict[str, Any]:
        role = "ROLE_USER" if message.role == "user" else "ROLE_AGENT"
        content = [self.part(part) for part in sayable(message.parts)]
        return {"role": role, "content": content, **beside(message, task_id, context_id, known=KNOWN)}

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
            "artifacts": [self.artifact(piece) for piece in task.artifacts],
            "history": [self.message(message, task.id, task.context_id) for message in task.history],
        }
        return told | ({"metadata": task.status.metadata} if task.status.metadata else {})

    def told(self, update: Update, task: Task) -> Told:
        place = {"taskId": task.id, "contextId": task.context_id}
        match update:
            case Snapshot():
                return Told({"task": self.task(update)})
            case Status():
                status = self.status(update, task.id, task.context_id)
                about = {"metadata": update.metadata} if update.metadata else {}
                return Told({"statusUpdate": {**place, "status": status, "final": update.state in STILL, **about}})
            case Piece():
                marks = {"append": update.append, "lastChunk": update.last}
                return Told({"artifactUpdate": {**place, "artifact": self.artifact(update), **marks}})

    def answer(self, given: dict[str, Any], kind: str) -> dict[str, Any]:
        return {kind: given}


WORDS = A2a03RestWords()


class A2a03Rest(Projected):
    """A run in A2A 0.3 over REST."""

    name: ClassVar[str] = "a2a-0.3-rest"
    words = WORDS
