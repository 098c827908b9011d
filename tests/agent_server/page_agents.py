"""Agents that the chat page is tried with."""

import asyncio
from typing import Any

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.agents.mock import Call, MockModels, Think
from sluice.agents.reply import Reply

STORY = """## A short story

Once upon a time there was a **stream** that said `[DONE]` only when it *was* done, **5** times.

1. First came the role,
2. then the tokens,
   - one by one
3. and then the end.

| gateway | truthful |
| --- | --- |
| ours | [yes](https://example.com/yes) |

```python
async for chunk in stream:
    yield chunk
```

> <img src=x onerror="alert(1)"> <b>no HTML</b>

[bad](javascript:alert(1))
"""


def story() -> Agent:
    """Tells a story with all that a page can show."""
    agent = Agent("story", description="Tells stories")

    @agent.on_message
    async def tell(ctx: Context) -> Any:
        async with ctx.step("remember"):
            await ctx.think("A short one.")
        await ctx.progress(0.5, "half way")
        for word in STORY.split(" "):
            yield word + " "
            await asyncio.sleep(0.001)
        await ctx.source("https://example.com/streams", title="On streams")
        await ctx.button("Like it", "like", story=7)

    @agent.callback("like")
    async def like(cb: Any) -> Reply:
        return Reply(f"Thank you for liking {cb.params['story']}")

    return agent


def slow() -> Agent:
    """Says a numbered word every few milliseconds, for twenty seconds."""
    agent = Agent("slow")

    @agent.on_message
    async def count(ctx: Context) -> Any:
        for number in range(2000):
            yield f"word{number} "
            await asyncio.sleep(0.01)

    return agent


def order() -> Agent:
    """Asks before it buys."""
    agent = Agent("order")

    @agent.on_message
    async def buy(ctx: Context) -> Any:
        yield "Green tea is $4. "
        answer = await ctx.interrupt("Shall I buy it?")
        yield f"You said: {answer}"

    return agent


def survey() -> Agent:
    """Asks twice, one after the other, and then says numbered words."""
    agent = Agent("survey")

    @agent.on_message
    async def ask(ctx: Context) -> Any:
        yield "Welcome. "
        name = await ctx.interrupt("Your name?")
        yield f"Hello {name}. "
        town = await ctx.interrupt("Your town?")
        yield f"So, {town}. "
        for number in range(2000):
            yield f"word{number} "
            await asyncio.sleep(0.01)

    return agent


def sums() -> tuple[Agent, MockModels]:
    """Calls a tool twice at once; a person has to allow each."""
    agent = Agent("sums", model="mock")

    @agent.tool(approve=True)
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    calls = [Call("add", {"a": 2, "b": 3}), Call("add", {"a": 4, "b": 5})]
    return agent, MockModels([calls, "Five| and| nine."])


def broken() -> Agent:
    """Fails in the midst of a sentence."""
    agent = Agent("broken")

    @agent.on_message
    async def fail(ctx: Context) -> Any:
        yield "So far so"
        raise ValueError("a secret detail")

    return agent


def tools() -> tuple[Agent, MockModels]:
    """Calls a tool that a person has to allow."""
    agent = Agent("tools", model="mock")

    @agent.tool(approve=True)
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return agent, MockModels([[Think("Two numbers."), Call("add", {"a": 2, "b": 3})], "The sum| is| 5."])


def repeat() -> Agent:
    """Says what it was told, and how many files came with it."""
    agent = Agent("repeat")

    @agent.on_message
    async def say(ctx: Context) -> Any:
        files = [part for part in ctx.parts if getattr(part, "url", "")]
        yield f"{len(ctx.messages)}: {ctx.text} ({len(files)} files)"

    return agent
