"""Many events to one answer: the fold that makes a stream and a whole answer the same thing.

Pure and mutable while it runs; the Answer it gives is a fact. Cost: O(1) per event, one join per text at the end.
"""

import msgspec

from sluice.chat.events import (
    Channel,
    ChoiceFinished,
    Event,
    FinishReason,
    Leftover,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.usage import Usage


class ToolCall(msgspec.Struct, frozen=True):
    """A complete tool call; `arguments` is the JSON text that the model wrote, valid or not."""

    id: str
    name: str
    arguments: str


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One alternative answer. A text is None if its channel was never opened, which differs from empty."""

    index: int
    text: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason | None = None
    native_finish: str = ""
    logprobs: tuple[msgspec.Raw, ...] = ()
    extra: dict[str, msgspec.Raw] = {}
    """Leftover fields of the choice."""
    message_extra: dict[str, msgspec.Raw] = {}
    """Leftover fields of its message."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str = ""
    model: str = ""
    created: int = 0
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    extra: dict[str, msgspec.Raw] = {}


class _OpenCall:
    __slots__ = ("arguments", "id", "name")

    def __init__(self, id: str, name: str) -> None:  # noqa: A002 - the vocabulary's field
        self.id, self.name, self.arguments = id, name, list[str]()


class _OpenChoice:
    __slots__ = ("calls", "delta_extra", "extra", "finish", "logprobs", "native", "texts")

    def __init__(self) -> None:
        self.texts: dict[Channel, list[str]] = {}
        self.calls: dict[int, _OpenCall] = {}
        self.finish: FinishReason | None = None
        self.native = ""
        self.logprobs: list[msgspec.Raw] = []
        self.extra: dict[str, msgspec.Raw] = {}
        self.delta_extra: dict[str, msgspec.Raw] = {}

    def close(self, index: int) -> Choice:
        def text(channel: Channel) -> str | None:
            return "".join(self.texts[channel]) if channel in self.texts else None

        calls = (ToolCall(c.id, c.name, "".join(c.arguments)) for _, c in sorted(self.calls.items()))
        return Choice(
            index=index,
            text=text("text"),
            reasoning=text("reasoning"),
            refusal=text("refusal"),
            tool_calls=tuple(calls),
            finish=self.finish,
            native_finish=self.native,
            logprobs=tuple(self.logprobs),
            extra=self.extra,
            message_extra=self.delta_extra,
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
                choice.texts.setdefault(event.channel, []).append(event.text)
                if event.logprobs is not None:
                    choice.logprobs.append(event.logprobs)
            case ToolCallDelta():
                call = self._choice(event.choice).calls.setdefault(event.index, _OpenCall("", ""))
                call.arguments.append(event.arguments)
            case ToolCallStarted():
                self._choice(event.choice).calls[event.index] = _OpenCall(event.id, event.name)
            case ChoiceFinished():
                choice = self._choice(event.choice)
                choice.finish, choice.native = event.reason, event.native
            case Started():
                old = self._started
                self._started = Started(event.id or old.id, event.model or old.model, event.created or old.created)
            case Reported():
                self._usage = event.usage
            case Leftover():
                self._leftover(event)
            case _:
                pass  # Ended and Failed say how the answer ended, not what it is

    def _choice(self, index: int) -> _OpenChoice:
        return self._choices.setdefault(index, _OpenChoice())

    def _leftover(self, event: Leftover) -> None:
        if event.place == "":
            self._extra.update(event.fields)
        elif event.place == "choice":
            self._choice(event.choice).extra.update(event.fields)
        else:
            self._choice(event.choice).delta_extra.update(event.fields)

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
