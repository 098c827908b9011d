"""Agents that tests of the agent server talk to."""

import asyncio
from typing import Any

from sluice.agents.agent import Agent


def echo(name: str = "echo", **options: Any) -> Agent:
    """Say it again, word by word."""
    agent = Agent(name, **options)

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        for word in ctx.text.split():
            yield f"{word} "

    return agent


def waits(gate: asyncio.Event) -> Agent:
    """Say one thing, wait for the gate, say another."""
    agent = Agent("waits")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        yield "one "
        await gate.wait()
        yield "two"

    return agent


def asks() -> Agent:
    """Ask a person."""
    agent = Agent("asks")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        answer = await ctx.interrupt({"sure": "?"}, schema={"type": "string"})
        yield f"you said {answer}"

    return agent


def fails() -> Agent:
    """Fail in the middle, with a text that nobody may see."""
    agent = Agent("fails")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        yield "half"
        raise ValueError("secret")

    return agent


def counts(words: int) -> Agent:
    """Say so many words, letting others run between them."""
    agent = Agent("counts")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        for number in range(words):
            yield f"{number} "
            await asyncio.sleep(0)

    return agent
