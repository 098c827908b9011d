"""What a person sees of an agent's run: the answer on a screen, and beside it, on stderr, what is no part of it."""

import click
import msgspec

from sluice.chat import events as chat
from sluice.cli.chat_screen import Screen
from sluice.runs.events import (
    Artifact,
    Attachment,
    Event,
    File,
    InterruptRequested,
    Progress,
    ReasoningDelta,
    Source,
    StepStarted,
    TextDelta,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolStarted,
)

SHOWN = 200
"""Characters of a tool's result that are shown."""
QUESTION = 4000
"""Of a question to the person."""


class Button(msgspec.Struct, frozen=True):
    """A button of an answer."""

    label: str
    token: str


class Teller:
    """Tells events to a screen, and to stderr what is not part of the answer."""

    def __init__(self, screen: Screen, *, asks: bool = False, buttons: int = 0) -> None:
        self._screen, self._asks, self._pressed = screen, asks, buttons
        self._calls: dict[str, int] = {}
        self._filled: set[str] = set()
        """Calls whose arguments came in pieces."""
        self.questions: list[InterruptRequested] = []
        self.buttons: list[Button] = []

    def tell(self, event: Event) -> None:
        match event:
            case TextDelta():
                channel: chat.Channel = "text" if event.channel == "text" else "reasoning"
                self._screen.show(chat.TextDelta(choice=0, text=event.text, channel=channel))
            case ReasoningDelta():
                self._screen.show(chat.TextDelta(choice=0, text=event.text, channel="reasoning"))
            case ToolStarted() | ToolInputDelta() | ToolInput() | ToolOutput() | ToolFailed():
                self._tool(event)
            case Progress():
                share = "" if event.value is None else f"{event.value:.0%} "
                self._aside(f"… {share}{event.note}")
            case StepStarted():
                self._aside(f"… {event.name}")
            case InterruptRequested():
                self._question(event)
            case Source() | File() | Artifact() | Attachment():
                self._beside(event)

    def _tool(self, event: ToolStarted | ToolInputDelta | ToolInput | ToolOutput | ToolFailed) -> None:
        match event:
            case ToolStarted():
                self._calls[event.id] = index = len(self._calls)
                self._screen.show(chat.ToolCallStarted(choice=0, index=index, id=event.id, name=event.name))
            case ToolInputDelta():
                self._filled.add(event.id)
                self._screen.show(chat.ToolCallDelta(choice=0, index=self._calls[event.id], arguments=event.text))
            case ToolInput() if event.id not in self._filled:
                text = _json(event.input)
                self._screen.show(chat.ToolCallDelta(choice=0, index=self._calls[event.id], arguments=text))
            case ToolOutput():
                self._aside(f"← {text_of(event.output)}")
            case ToolFailed():
                self._aside(f"← failed: {event.error}")

    def _question(self, event: InterruptRequested) -> None:
        self.questions.append(event)
        self._aside(f"? {text_of(event.question)}", dim=False, most=QUESTION)
        if not self._asks:
            self._aside(f"answer with: sluice chat --resume {event.run_id} …")

    def _beside(self, event: Source | File | Artifact | Attachment) -> None:
        match event:
            case Source():
                self._aside(f"↗ {event.title} {event.url}")
            case File():
                place = "" if event.url.startswith("data:") else event.url
                self._aside(f"+ {event.name or event.media_type} {place}")
            case Artifact():
                self._aside(f"+ {event.name} {event.description}")
            case Attachment(kind="button", value={"label": str(label), "token": str(token)}):
                self.buttons.append(Button(label, token))
                self._aside(f"[{self._pressed + len(self.buttons)}] {label}", dim=False)
            case Attachment():
                self._aside(f"+ {event.kind} {text_of(event.value)}")

    def _aside(self, text: str, *, dim: bool = True, most: int = SHOWN) -> None:
        self._screen.close()
        aside(text, dim=dim, most=most)


def aside(text: str, *, dim: bool = True, most: int = SHOWN) -> None:
    """Print one line beside the answer, on stderr: nothing in it commands the terminal, and it has at most `most`
    characters."""
    line = " ".join(text.split())
    shown = line if len(line) <= most else f"{line[: most - 1]}…"
    click.echo(click.style("".join(c for c in shown if c.isprintable()), dim=dim or None), err=True)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def text_of(value: object) -> str:
    """Return a value for people: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else _json(value)
