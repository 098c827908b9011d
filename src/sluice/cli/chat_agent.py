"""`sluice chat` with an agent: a conversation kept on the server, watched to its end however often the connection
breaks, its progress and its tools shown, and stopped there when the person here stops.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import click
import msgspec

from sluice.agent_client.client import AgentInfo, Client
from sluice.agents.ids import uuid7
from sluice.chat import events as chat
from sluice.cli.chat_screen import Screen
from sluice.errors import ProtocolError, Refused, Truncated
from sluice.runs.events import (
    Event,
    InterruptRequested,
    Progress,
    ReasoningDelta,
    RunFailed,
    RunFinished,
    StepStarted,
    TextDelta,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolStarted,
)

CANCEL_S = 2.0
"""How long leaving waits for the server to be told."""
SHOWN = 200
"""Characters of a tool's result that are shown."""


class AgentQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask of which agent."""

    url: str
    key: str = ""
    prompt: str = ""
    agent: str = ""
    thread: str = ""
    """Empty = a new conversation."""
    resume: str = ""
    """A run to take up: to watch, or, with a prompt, to answer."""


async def agents_at(url: str, key: str) -> list[AgentInfo] | None:
    """Return the agents that are served at an address; None if it is no agent server.

    Raises:
        ValueError: it is no address.
        UpstreamError: nobody can be reached there.
    """
    async with Client(url, key=key, retries=0) as client:
        try:
            return await client.agents()
        except (Refused, ProtocolError, Truncated, msgspec.MsgspecError):
            return None


async def converse(question: AgentQuestion, screen: Screen) -> int:
    """Ask, show, and return the exit status. Cancelling stops the run on the server too.

    Raises:
        UpstreamError: the server cannot be reached, or said no.
        OSError: nobody reads what is shown.
    """
    async with Client(question.url, key=question.key) as client:
        thread = question.thread or uuid7()
        if question.resume and question.prompt:
            run = await client.runs.resume(question.resume, question.prompt)
        elif question.resume:
            run = await client.runs.get(question.resume)
        else:
            run = await client.runs.start(question.prompt, agent=question.agent, thread=thread)
        try:
            async with aclosing(client.runs.watch(run.id)) as events:
                return await _show(events, screen, run.thread_id)
        except asyncio.CancelledError:
            async with asyncio.timeout(CANCEL_S):
                await client.runs.cancel(run.id)
            raise


async def _show(events: AsyncGenerator[Event, None], screen: Screen, thread: str) -> int:
    teller = Teller(screen)
    async for event in events:
        match event:
            case RunFinished() | RunFailed():
                screen.close()
                return _ended(event, thread)
            case _:
                teller.tell(event)
    raise Truncated("the stream ended before the run's end")


class Teller:
    """Tells events to a screen, and to stderr what is not part of the answer."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._calls: dict[str, int] = {}
        self._filled: set[str] = set()
        """Calls whose arguments came in pieces."""

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
                asked = event.question if isinstance(event.question, str) else _json(event.question)
                self._aside(f"? {asked}  (answer with: sluice chat --resume {event.run_id} …)")

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
                self._aside(f"← {event.output if isinstance(event.output, str) else _json(event.output)}")
            case ToolFailed():
                self._aside(f"← failed: {event.error}")

    def _aside(self, text: str) -> None:
        self._screen.close()
        line = " ".join(text.split())
        shown = line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
        click.echo(click.style("".join(c for c in shown if c.isprintable()), dim=True), err=True)


def _ended(event: RunFinished | RunFailed, thread: str) -> int:
    """Tell the numbers of a run, or its error; return the exit status."""
    if isinstance(event, RunFailed):
        click.echo(f"error {event.code} inside the answer, which is not complete: {event.message}", err=True)
        return 1
    stats, usage = event.stats, event.usage
    facts = [] if stats.first_chunk_ms is None else [f"TTFT {stats.first_chunk_ms:.0f} ms"]
    facts.append(f"{usage.output_tokens} tokens" if usage.total_tokens else f"{stats.characters} characters")
    facts += [f"{stats.duration_ms / 1000:.2f} s", f"run {event.run_id}", f"thread {thread}"]
    click.echo(click.style(" · ".join(facts), dim=True), err=True)
    if event.outcome in ("success", "interrupt"):
        return 0
    click.echo(f"{event.outcome}: the answer is not complete: {event.message or event.reason}", err=True)
    return 1


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
