"""Many events to one answer: the fold that makes a stream and a whole answer the same thing.

Pure and mutable while it runs; the Answer it gives is a fact. Cost: O(1) per event, one join per text at the end.
"""

import msgspec

from sluice.chat.content import Citation, Refusal, Text, ToolUse
from sluice.chat.events import (
    Channel,
    ChoiceFinished,
    Cited,
    Event,
    FinishReason,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Reasoning, Seal
from sluice.chat.usage import Usage


class Opaque(msgspec.Struct, frozen=True):
    """A part that only its own dialect knows, as its provider wrote it."""

    what: str
    raw: msgspec.Raw


AnswerPart = Text | Refusal | Reasoning | ToolUse | Opaque


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One alternative answer: its parts in the order in which they began. A text is None if its channel was never
    opened, which differs from empty."""

    index: int
    parts: tuple[AnswerPart, ...] = ()
    finish: FinishReason | None = None
    native_finish: str = ""
    stop_sequence: str | None = None
    logprobs: tuple[msgspec.Raw, ...] = ()
    extra: dict[str, msgspec.Raw] = {}
    """Leftover fields of the choice."""
    message_extra: dict[str, msgspec.Raw] = {}
    """Leftover fields of its message."""

    @property
    def text(self) -> str | None:
        return _joined([part.text for part in self.parts if isinstance(part, Text)])

    @property
    def reasoning(self) -> str | None:
        """The text of all reasoning that showed some."""
        return _joined([part.text for part in self.parts if isinstance(part, Reasoning) and part.text])

    @property
    def refusal(self) -> str | None:
        return _joined([part.text for part in self.parts if isinstance(part, Refusal)])

    @property
    def tool_calls(self) -> tuple[ToolUse, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolUse))

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(citation for part in self.parts if isinstance(part, Text) for citation in part.citations)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str = ""
    model: str = ""
    created: int = 0
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    extra: dict[str, msgspec.Raw] = {}


class _Call:
    """A tool call that grows."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, id: str, name: str) -> None:  # noqa: A002 - the vocabulary's field
        self.id, self.name, self.arguments = id, name, list[str]()

    def close(self) -> ToolUse:
        return ToolUse(id=self.id, name=self.name, arguments="".join(self.arguments))


class _Words:
    """A text of one channel that grows."""

    __slots__ = ("channel", "citations", "pieces", "seal")

    def __init__(self, channel: Channel) -> None:
        self.channel, self.pieces = channel, list[str]()
        self.citations: list[Citation] = []
        self.seal: Seal | None = None

    def close(self) -> AnswerPart:
        text = "".join(self.pieces)
        if self.channel == "reasoning":
            return Reasoning(text, self.seal)
        return Refusal(text=text) if self.channel == "refusal" else Text(text=text, citations=tuple(self.citations))


class _OpenChoice:
    __slots__ = ("calls", "extra", "finished", "logprobs", "message_extra", "parts")

    def __init__(self) -> None:
        self.parts: list[_Words | _Call | Opaque] = []
        self.calls: dict[int, _Call] = {}
        self.finished: ChoiceFinished | None = None
        self.logprobs: list[msgspec.Raw] = []
        self.extra: dict[str, msgspec.Raw] = {}
        self.message_extra: dict[str, msgspec.Raw] = {}

    def words(self, channel: Channel) -> _Words:
        """The text of this channel that is open, or a new one: another channel, a call or a seal closes it."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, _Words) and last.channel == channel and last.seal is None:
            return last
        opened = _Words(channel)
        self.parts.append(opened)
        return opened

    def sealed(self, seal: Seal) -> None:
        if seal.kind in ("redacted", "text"):
            self.parts.append(_Words("reasoning"))
        self.words("reasoning").seal = seal

    def call(self, index: int) -> _Call:
        if index not in self.calls:
            self.open_call(index, "", "")
        return self.calls[index]

    def open_call(self, index: int, id: str, name: str) -> None:  # noqa: A002 - the vocabulary's field
        self.calls[index] = opened = _Call(id, name)
        self.parts.append(opened)

    def close(self, index: int) -> Choice:
        end = self.finished
        return Choice(
            index=index,
            parts=tuple(part if isinstance(part, Opaque) else part.close() for part in self.parts),
            finish=end.reason if end else None,
            native_finish=end.native if end else "",
            stop_sequence=end.stop_sequence if end else None,
            logprobs=tuple(self.logprobs),
            extra=self.extra,
            message_extra=self.message_extra,
        )


class Fold:
    """Collect the events of one answer. Events after the end change nothing that was complete."""

    def __init__(self) -> None:
        self._started = Started("", "")
        self._choices: dict[int, _OpenChoice] = {}
        self._usage: Usage | None = None
        self._extra: dict[str, msgspec.Raw] = {}

    def add(self, event: Event) -> None:
        """Take the next event of a legal answer."""
        match event:
            case TextDelta():
                choice = self._choice(event.choice)
                choice.words(event.channel).pieces.append(event.text)
                if event.logprobs is not None:
                    choice.logprobs.append(event.logprobs)
            case ToolCallDelta():
                self._choice(event.choice).call(event.index).arguments.append(event.arguments)
            case ToolCallStarted():
                self._choice(event.choice).open_call(event.index, event.id, event.name)
            case Sealed():
                self._choice(event.choice).sealed(event.seal)
            case Cited():
                self._choice(event.choice).words("text").citations.append(event.citation)
            case ChoiceFinished():
                self._choice(event.choice).finished = event
            case Started():
                old = self._started
                self._started = Started(event.id or old.id, event.model or old.model, event.created or old.created)
            case Reported():
                self._usage = event.usage
            case Leftover() | Unrecognised():
                self._leftover(event)
            case _:
                pass  # Ended and Failed say how the answer ended, not what it is

    def _choice(self, index: int) -> _OpenChoice:
        return self._choices.setdefault(index, _OpenChoice())

    def _leftover(self, event: Leftover | Unrecognised) -> None:
        if isinstance(event, Unrecognised):
            if event.part is not None:
                self._choice(event.choice).parts.append(Opaque(event.what, event.part))
        elif event.place == "":
            self._extra.update(event.fields)
        elif event.place == "choice":
            self._choice(event.choice).extra.update(event.fields)
        else:
            self._choice(event.choice).message_extra.update(event.fields)

    def answer(self) -> Answer:
        """Return what was collected so far."""
        return Answer(
            id=self._started.id,
            model=self._started.model,
            created=self._started.created,
            choices=tuple(choice.close(index) for index, choice in sorted(self._choices.items())),
            usage=self._usage,
            extra=self._extra,
        )


def _joined(texts: list[str]) -> str | None:
    return "".join(texts) if texts else None
