"""Agents for the tests of A2A: one tells a story, one asks, one waits to be stopped, one breaks."""

import asyncio

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.runs.messages import DataPart, TextPart

STORY = ("Once", " upon", " a", " time")


def storyteller() -> Agent:
    """Says what it was asked for, in pieces, with a file and a result."""
    agent = Agent("storyteller", version="1.2.0", description="Tells stories.")

    @agent.on_message
    async def tell(ctx: Context) -> object:
        for word in STORY:
            yield word
        if "file" in ctx.text:
            await ctx.file("data:text/plain;base64,aGk=", "text/plain", name="hi.txt")
            await ctx.artifact("numbers", DataPart(data={"n": 1}), TextPart(text="one"))

    return agent


def asker() -> Agent:
    """Asks who it is before it greets, and asks again if it is told `?`."""
    agent = Agent("asker")

    @agent.on_message
    async def greet(ctx: Context) -> object:
        yield "Hello. "
        name = await ctx.interrupt("Who are you?")
        while name == "?":
            name = await ctx.interrupt("Who are you, really?")
        yield f"Hello {name}."

    return agent


def waiter(*, silent: bool = False) -> tuple[Agent, asyncio.Event]:
    """Says one word, or nothing, and waits for the event; then says the rest."""
    agent, go_on = Agent("waiter"), asyncio.Event()

    @agent.on_message
    async def wait(ctx: Context) -> object:
        if not silent:
            yield "One."
        await go_on.wait()
        yield " Two."

    return agent, go_on


def breaker() -> Agent:
    """Fails: at once, or half-way if it is told so."""
    agent = Agent("breaker")

    @agent.on_message
    async def fail(ctx: Context) -> object:
        if ctx.text == "half":
            yield "Half"
        raise ValueError("a secret")

    return agent
