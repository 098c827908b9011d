"""Plain text, as seed 003 streams it to a WebSocket: each chunk of the answer as it is, then `[DONE]`.

Only the answer: no reasoning, no tools. A question to people is text too. What failed or ran out of time says so behind
what was said (agents.md E.10). `[DONE]` says that nothing follows, as in the seed, not that all went well.
"""

from typing import ClassVar

import msgspec

from sluice.runs.events import Event, InterruptRequested, RunFailed, RunFinished, TextDelta
from sluice.runs.fold import STREAM_INTERRUPTED
from sluice.runs.projection import Frame

DONE = b"[DONE]"


class PlainText:
    """The data of a frame is a piece of the answer as a JSON string, for a line feed would end the frame of a
    server-sent event; `spoken` is the piece itself."""

    name: ClassVar[str] = "text"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = False

    def step(self, event: Event) -> list[Frame]:
        match event:
            case TextDelta(channel="text"):
                text = event.text
            case InterruptRequested():
                question = event.question
                text = question if isinstance(question, str) else msgspec.json.encode(question).decode()
            case RunFailed() | RunFinished(outcome="timeout"):
                text = STREAM_INTERRUPTED
            case _:
                return []
        return [Frame(msgspec.json.encode(text), id=str(event.seq))]

    def end(self) -> list[Frame]:
        return [Frame(DONE)]

    @staticmethod
    def spoken(frame: Frame) -> str:
        """Return what a WebSocket says at a frame."""
        return DONE.decode() if frame.data == DONE else msgspec.json.decode(frame.data, type=str)
