"""A log folded into messages: what a thread keeps of a run, and what a reader gets who waits for the whole answer."""

from io import StringIO
from typing import Any

from sluice.runs.events import (
    Event,
    File,
    MessageFinished,
    MessageStarted,
    ReasoningDelta,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    TextDelta,
    TextStarted,
    ToolFailed,
    ToolInput,
    ToolOutput,
    ToolStarted,
)
from sluice.runs.messages import FilePart, Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart

STREAM_INTERRUPTED = "\n[Error: Stream interrupted]"
"""Behind the partial text of a run that failed or ran out of time (seed 003; agents.md E.10)."""


class _Block:
    """Text that grows."""

    __slots__ = ("channel", "kind", "text")

    def __init__(self, kind: type[TextPart] | type[ReasoningPart], channel: str) -> None:
        self.kind = kind
        self.channel = channel
        self.text = StringIO()

    def part(self) -> Part:
        return self.kind(text=self.text.getvalue())


class Fold:
    """Give it each event; `messages` and `text` are right after any of them."""

    __slots__ = ("_blocks", "_calls", "_done", "_message", "_noticed", "_parts", "_results", "_text")

    def __init__(self) -> None:
        self._done: list[Message] = []
        self._message = ""
        self._parts: list[_Block | Part] = []
        self._blocks: dict[str, _Block] = {}
        self._calls: dict[str, str] = {}
        self._noticed = False
        self._results: list[Message] = []
        """What tools answered while the message that called them is open: they stand behind it."""
        self._text = StringIO()

    @property
    def text(self) -> str:
        """Everything said on the channel `text`."""
        return self._text.getvalue()

    def messages(self) -> tuple[Message, ...]:
        """Return the messages of the agent and of its tools so far, an open one as it stands."""
        return (*self._done, *self._open(), *self._results)

    def _open(self) -> tuple[Message, ...]:
        parts = tuple(part.part() if isinstance(part, _Block) else part for part in self._parts)
        kept = tuple(part for part in parts if not (isinstance(part, TextPart) and not part.text))
        return (Message(role="assistant", parts=kept, id=self._message),) if kept else ()

    def step(self, event: Event) -> None:
        """Take the next event."""
        match event:
            case TextDelta() | ReasoningDelta():
                block = self._blocks[event.id]
                block.text.write(event.text)
                if block.kind is TextPart and event.channel == "text":
                    self._text.write(event.text)
            case TextStarted() | ReasoningStarted():
                self._begin(event)
            case MessageStarted():
                self._message, self._parts = event.id, []
            case MessageFinished():
                self._done += [*self._open(), *self._results]
                self._results.clear()
                self._message, self._parts = "", []
                self._blocks.clear()
            case ToolStarted():
                self._calls[event.id] = event.name
            case ToolInput():
                self._parts.append(ToolCallPart(id=event.id, name=event.name, input=event.input))
            case ToolOutput():
                self._result(event.id, event.output, "")
            case ToolFailed():
                self._result(event.id, None, event.error)
            case File():
                self._parts.append(FilePart(url=event.url, media_type=event.media_type, name=event.name))
            case RunFailed():
                self.interrupted()
            case RunFinished(outcome="timeout"):
                self.interrupted()

    def _begin(self, event: TextStarted | ReasoningStarted) -> None:
        kind: Any = TextPart if isinstance(event, TextStarted) else ReasoningPart
        block = _Block(kind, event.channel)
        self._blocks[event.id] = block
        self._parts.append(block)

    def _result(self, call: str, output: Any, error: str) -> None:
        if self._calls.pop(call, None) is not None:
            part = ToolResultPart(id=call, output=output, error=error)
            place = self._results if self._message else self._done
            place.append(Message(role="tool", parts=(part,), id=f"{call}-result"))

    def interrupted(self) -> None:
        """Say behind what was said that it is not all. Said once, however often this is called."""
        if self._noticed:
            return
        self._noticed = True
        for place in range(len(self._done) - 1, -1, -1):
            message = self._done[place]
            if message.role == "assistant":
                parts = (*message.parts, TextPart(text=STREAM_INTERRUPTED))
                self._done[place] = Message(role="assistant", parts=parts, id=message.id)
                return
