"""What seed 003's own clients stream: bare messages, one for each piece of text, then `done`, or `error`.

Source: SAGE:client as agents.md A.2 has it. The words of a message are those of A2A 0.2.
"""

from typing import ClassVar

import msgspec

from sluice.runs.events import Event, RunFailed, RunFinished
from sluice.runs.messages import Message, Part
from sluice.runs.projection import Frame
from sluice.runs.projections.a2a_03 import WORDS
from sluice.runs.projections.a2a_task import Piece, Task

_ENCODE = msgspec.json.Encoder().encode


class A2aSage:
    """A run as SAGE messages."""

    name: ClassVar[str] = "sage"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(self, task: Task | None = None) -> None:
        self._task = task or Task()

    def step(self, event: Event) -> list[Frame]:
        said = [
            Frame(self._message(update.id, update.parts), "message", str(event.seq))
            for update in self._task.step(event)
            if isinstance(update, Piece) and not (update.append and update.last)
        ]
        return said + (self._end(event) if isinstance(event, RunFinished | RunFailed) else [])

    def _end(self, event: RunFinished | RunFailed) -> list[Frame]:
        seq, status = str(event.seq), self._task.status
        match status.state:
            case "completed":
                return [Frame(b"{}", "done", seq)]
            case "input-required":
                parts = () if status.message is None else status.message.parts
                return [Frame(self._message(f"msg-{event.run_id}-{seq}", parts), "message"), Frame(b"{}", "done", seq)]
            case _:
                code = event.code if isinstance(event, RunFailed) else event.outcome
                why = (
                    event.message or f"the run was {event.outcome}" if isinstance(event, RunFinished) else event.message
                )
                return [Frame(_ENCODE({"error": code, "message": why}), "error", seq)]

    def _message(self, name: str, parts: tuple[Part, ...]) -> bytes:
        message = Message(role="assistant", parts=parts, id=name)
        return _ENCODE(WORDS.message(message, self._task.id, self._task.context_id))

    def end(self) -> list[Frame]:
        return []
