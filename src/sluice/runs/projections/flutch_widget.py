"""What a chat widget on somebody's page reads: `partial` for each piece, then one `final` or `error`. agents.md B.2."""

from io import StringIO
from typing import Any, ClassVar

import msgspec

from sluice.runs.events import Event, MessageStarted, RunFailed, RunFinished, TextDelta
from sluice.runs.projection import Frame

_encode = msgspec.json.Encoder().encode


class FlutchWidget:
    """Only the answer's own text: what an agent thinks and does is no business of a page's visitor."""

    name: ClassVar[str] = "flutch-widget"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(self) -> None:
        self._text = StringIO()
        self._message = ""

    def step(self, event: Event) -> list[Frame]:
        match event:
            case TextDelta(channel="text"):
                self._text.write(event.text)
                return _frame(event, "partial", {"text": event.text})
            case MessageStarted():
                self._message = event.id
            case RunFailed() | RunFinished(outcome="timeout"):
                return _frame(event, "error", {"message": event.message})
            case RunFinished():
                return _frame(event, "final", {"messageId": self._message, "text": self._text.getvalue()})
        return []

    def end(self) -> list[Frame]:
        return []


def _frame(event: Event, name: str, data: dict[str, Any]) -> list[Frame]:
    return [Frame(_encode(data), name, str(event.seq))]
