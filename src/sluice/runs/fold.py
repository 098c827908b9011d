"""A log folded into messages: what a thread keeps of a run, and what a reader gets who waits for the whole answer."""

from io import StringIO
from typing import Any

from sluice.runs.events import (
    Event,
    File,
    MessageFinished,
    MessageStarted,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    TextDelta,
    TextFinished,
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

    __slots__ = ("kind", "text")

    def __init__(self, kind: type[TextPart] | type[ReasoningPart]) -> None:
        self.kind = kind
        self.text = StringIO()

    def part(self) -> Part:
        return self.kind(text=self.text.getvalue())


class _Draft:
    """A message that is still written."""

    __slots__ = ("id", "parts", "results")

    def __init__(self, id: str) -> None:  # noqa: A002  # the message's own
        self.id = id
        self.parts: list[_Block | Part] = []
        self.results: list[Message] = []
        """What tools answered before it was over: their messages stand behind it."""

    def messages(self) -> tuple[Message, ...]:
        parts = tuple(part.part() if isinstance(part, _Block) else part for part in self.parts)
        kept = tuple(part for part in parts if not isinstance(part, TextPart | ReasoningPart) or part.text)
        own = (Message(role="assistant", parts=kept, id=self.id),) if kept else ()
        return (*own, *self.results)


class Fold:
    """Give it each event; `messages` and `text` are right after any of them."""

    __slots__ = ("_blocks", "_calls", "_done", "_drafts", "_noticed", "_text")

    def __init__(self) -> None:
        self._done: list[Message] = []
        self._drafts: dict[str, _Draft] = {}
        """Open messages, in the order in which they began."""
        self._blocks: dict[str, _Block] = {}
        self._calls: dict[str, _Draft] = {}
        """Calls without a result, and the message that made each."""
        self._noticed = False
        self._text = StringIO()

    @property
    def text(self) -> str:
        """Everything said on the channel `text`."""
        return self._text.getvalue()

    def messages(self) -> tuple[Message, ...]:
        """Return the messages of the agent and of its tools so far, an open one as it stands."""
        return (*self._done, *(message for draft in self._drafts.values() for message in draft.messages()))

    def step(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, TextDelta | ReasoningDelta):
            self._blocks[event.id].text.write(event.text)
            if isinstance(event, TextDelta) and event.channel == "text":
                self._text.write(event.text)
        elif isinstance(event, RunFailed) or (isinstance(event, RunFinished) and event.outcome == "timeout"):
            self.interrupted()
        else:
            self._structure(event)

    def _structure(self, event: Event) -> None:
        match event:
            case MessageStarted():
                self._drafts[event.id] = _Draft(event.id)
            case TextFinished() | ReasoningFinished():
                del self._blocks[event.id]
            case MessageFinished():
                self._done += self._drafts.pop(event.id).messages()
            case TextStarted() | ReasoningStarted():
                block = _Block(TextPart if isinstance(event, TextStarted) else ReasoningPart)
                self._blocks[event.id] = block
                self._drafts[event.message_id].parts.append(block)
            case ToolStarted():
                self._calls[event.id] = self._drafts[event.message_id]
            case ToolInput():
                self._calls[event.id].parts.append(ToolCallPart(id=event.id, name=event.name, input=event.input))
            case ToolOutput():
                self._result(event.id, event.output, "")
            case ToolFailed():
                self._result(event.id, None, event.error)
            case File() if self._drafts:
                part = FilePart(url=event.url, media_type=event.media_type, name=event.name)
                next(reversed(self._drafts.values())).parts.append(part)
            case File():
                file = FilePart(url=event.url, media_type=event.media_type, name=event.name)
                self._done.append(Message(role="assistant", parts=(file,), id=event.id))

    def _result(self, call: str, output: Any, error: str) -> None:
        draft = self._calls.pop(call)
        if not any(isinstance(part, ToolCallPart) and part.id == call for part in draft.parts):
            return  # it failed before its arguments were whole: there is no call that this would answer
        part = ToolResultPart(id=call, output=output, error=error)
        message = Message(role="tool", parts=(part,), id=f"{call}-result")
        place = draft.results if draft.id in self._drafts else self._done
        place.append(message)

    def interrupted(self) -> None:
        """Say behind what was said that it is not all. Said once, however often this is called, and of the last text
        only: an agent that said nothing has nothing interrupted."""
        if self._noticed:
            return
        self._noticed = True
        for place in range(len(self._done) - 1, -1, -1):
            message = self._done[place]
            if message.role == "assistant":
                parts = (*message.parts, TextPart(text=STREAM_INTERRUPTED))
                self._done[place] = Message(role="assistant", parts=parts, id=message.id)
                return
