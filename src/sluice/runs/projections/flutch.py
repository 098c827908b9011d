"""Seed 004's stream: `stream_event` for each piece, then exactly one `final` or `error`. agents.md B.1, B.3, E.10.

    event: stream_event          event: final                      event: error
    data: {"type":"chunk",…}     data: {"requestId","text",…}      data: {"message":"…"}

Two dialects of `stream_event`. The seed's, as its page has it, in which only the answer's own text is a `chunk`:

    {"type":"chunk","content"}   {"type":"processing","content"}   {"type":"step_started","step"}
    {"type":"tool_input_chunk","stepId","chunk"}   {"type":"tool_output_chunk","stepId","chunk"}
    {"type":"attachment","attachment"}   {"type":"metadata","metadata"}

The SDK's, as its code has it: `{"channel":"text"|"processing","delta":{"type":"text_chunk"|"step_started"|…}}`.
"""

from typing import Any, ClassVar

import msgspec

from sluice.runs.events import (
    Data,
    Event,
    Progress,
    ReasoningDelta,
    RunFailed,
    RunFinished,
    TextDelta,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolStarted,
)
from sluice.runs.projection import Frame
from sluice.runs.projections.flutch_answer import Answer, attached

_encode = msgspec.json.Encoder().encode


def ending(event: Event, answer: Answer) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the data of the one last frame, if this event is the end of the log."""
    match event:
        case RunFailed():
            return "error", {"message": event.message, "code": event.code}
        case RunFinished(outcome="timeout"):
            return "error", {"message": event.message or "the run ran out of time", "code": "timeout"}
        case RunFinished():
            return "final", answer.told()
        case _:
            return None


class _Reader:
    """What both dialects have in common: the answer so far, and pieces as the SDK names them."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer = Answer()

    def step(self, event: Event) -> tuple[str, dict[str, Any]] | None:
        """Take the next event and return its channel and delta, if the SDK has a word for it."""
        whole = isinstance(event, ToolInput) and self.answer.steps[event.id].had_input
        self.answer.step(event)
        match event:
            case TextDelta():
                return event.channel, {"type": "text_chunk", "text": event.text}
            case ReasoningDelta():
                return "processing", {"type": "text_chunk", "text": event.text}
            case ToolStarted():
                step = self.answer.steps[event.id]
                return step.channel, {"type": "step_started", "step": step.told()}
            case ToolInputDelta():
                return self._tool("input", event.id, event.text)
            case ToolInput() if not whole:
                return self._tool("input", event.id, self.answer.steps[event.id].told()["input"])
            case ToolOutput() | ToolFailed():
                return self._tool("output", event.id, self.answer.steps[event.id].told()["output"])
            case _:
                return None

    def _tool(self, side: str, name: str, chunk: str) -> tuple[str, dict[str, Any]]:
        return self.answer.steps[name].channel, {"type": f"tool_{side}_chunk", "stepId": name, "chunk": chunk}


def _frame(event: Event, name: str, data: dict[str, Any]) -> list[Frame]:
    return [Frame(_encode(data), name, str(event.seq))]


class Flutch:
    """The dialect of the seed's page."""

    name: ClassVar[str] = "flutch"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(self) -> None:
        self._reader = _Reader()

    def step(self, event: Event) -> list[Frame]:
        said = self._reader.step(event)
        if said is not None:
            return _frame(event, "stream_event", _plain(*said))
        attachment = attached(event)
        if attachment is not None:
            return _frame(event, "stream_event", {"type": "attachment", "attachment": attachment})
        match event:
            case Data():
                return _frame(event, "stream_event", {"type": "metadata", "metadata": {event.name: event.value}})
            case Progress():
                progress = {"value": event.value, "note": event.note}
                return _frame(event, "stream_event", {"type": "metadata", "metadata": {"progress": progress}})
        end = ending(event, self._reader.answer)
        return [] if end is None else _frame(event, *end)

    def end(self) -> list[Frame]:
        return []


def _plain(channel: str, delta: dict[str, Any]) -> dict[str, Any]:
    if delta["type"] != "text_chunk":
        return delta
    return {"type": "chunk" if channel == "text" else "processing", "content": delta["text"]}


class FlutchSdk:
    """The dialect of the SDK's code."""

    name: ClassVar[str] = "flutch-sdk"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(self) -> None:
        self._reader = _Reader()

    def step(self, event: Event) -> list[Frame]:
        said = self._reader.step(event)
        if said is not None:
            return _frame(event, "stream_event", {"channel": said[0], "delta": said[1]})
        end = ending(event, self._reader.answer)
        return [] if end is None else _frame(event, *end)

    def end(self) -> list[Frame]:
        return []
