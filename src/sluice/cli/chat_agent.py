"""`sluice chat` with an agent: a conversation kept on the server, watched to its end however often the connection
breaks, its progress and its tools shown, and stopped there when the person here stops.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import click
import msgspec

from sluice.agent_client.client import AgentInfo, Client
from sluice.agents.ids import uuid7
from sluice.cli.chat_screen import Screen
from sluice.cli.chat_teller import Button, Teller
from sluice.errors import ProtocolError, Refused, SluiceError, Truncated
from sluice.runs.events import Event, InterruptRequested, RunFailed, RunFinished

CANCELLED = 130
"""Exit status: what a shell reports for a process that SIGINT ended."""
CANCEL_S = 2.0
"""How long stopping waits for the server to be told."""


class AgentQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask of which agent."""

    url: str
    key: str = ""
    prompt: str = ""
    agent: str = ""
    thread: str = ""
    """Empty = a new conversation."""
    resume: str = ""
    """A run to take up: to watch, or, with a prompt or answers, to answer."""
    answers: Mapping[str, Any] | None = None
    """What that run asked, by the questions' ids."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one run has left."""

    status: int
    """Of the exit: 0 it said all or asks, 1 it did not, 130 it was stopped from here."""
    run: str
    thread: str
    questions: tuple[InterruptRequested, ...] = ()
    """What it waits for."""
    buttons: tuple[Button, ...] = ()


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


async def converse(question: AgentQuestion, screen: Screen, *, asks: bool = False, pressed: int = 0) -> Turn:
    """Ask, show, and return what is left to do. Cancelling stops the run on the server, and is no error then. `asks`:
    somebody here can answer what the run asks. `pressed`: how many buttons were shown before.

    Raises:
        UpstreamError: the server cannot be reached, or said no.
        OSError: nobody reads what is shown.
    """
    async with Client(question.url, key=question.key) as client:
        if question.resume and (question.prompt or question.answers):
            run = await client.runs.resume(question.resume, question.prompt, answers=question.answers)
        elif question.resume:
            run = await client.runs.get(question.resume)
        else:
            thread = question.thread or uuid7()
            run = await client.runs.start(question.prompt, agent=question.agent, thread=thread)
        teller = Teller(screen, asks=asks, buttons=pressed)
        try:
            async with aclosing(client.runs.watch(run.id)) as events:
                status = await _show(events, screen, teller, run.thread_id)
        except asyncio.CancelledError:
            screen.close()
            await _stop(client, run.id)
            return Turn(status=CANCELLED, run=run.id, thread=run.thread_id)
    questions = tuple(teller.questions) if status == 0 else ()
    return Turn(status=status, run=run.id, thread=run.thread_id, questions=questions, buttons=tuple(teller.buttons))


async def _stop(client: Client, run: str) -> None:
    try:
        async with asyncio.timeout(CANCEL_S):
            await client.runs.cancel(run)
    except (SluiceError, TimeoutError):
        click.echo(f"the server could not be told: run {run} may go on", err=True)


async def _show(events: AsyncGenerator[Event, None], screen: Screen, teller: Teller, thread: str) -> int:
    async for event in events:
        match event:
            case RunFinished() | RunFailed():
                screen.close()
                return _ended(event, thread)
            case _:
                teller.tell(event)
    raise Truncated("the stream ended before the run's end")


def _ended(event: RunFinished | RunFailed, thread: str) -> int:
    """Tell the numbers of a run, or its error; return the exit status."""
    if isinstance(event, RunFailed):
        code = "" if event.code == "error" else f" {event.code}"
        click.echo(f"error{code} inside the answer, which is not complete: {event.message}", err=True)
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
