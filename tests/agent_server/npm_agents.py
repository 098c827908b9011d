"""The agents that the clients from npm talk to, and the gates at which some of them wait."""

import asyncio
from collections import defaultdict
from typing import Any

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.agents.mock import Call, MockModels, Think
from sluice.runs.events import StateSnapshot
from tests.support.agent_site import AgentSite, AgentSites

STORY = ("Once", " upon", " a time")


class Gates:
    """An agent waits at a gate by name until a client has seen what came before it."""

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def open(self, name: str) -> None:
        self._gates[name].set()

    async def wait(self, name: str) -> None:
        await self._gates[name].wait()


class Scripts:
    """A model for each agent, by the model's name."""

    def __init__(self) -> None:
        bought = [[Think("money"), Call("buy", {"item": "pen"}, id="call-buy")], "You have a pen."]
        self._scripts = {
            "adds": [[Think("sum"), "Let me see.", Call("add", {"a": 2, "b": 3}, id="call-1")], "It is 5."],
            "buys": bought,
        }
        self._bought: dict[str, MockModels] = {}

    def stream(self, request: Any) -> Any:
        thread = request.metadata["thread"]
        model = self._bought.setdefault(thread, MockModels(self._scripts[request.model]))
        return model.stream(request)


async def npm_site(agent_site: AgentSites, gates: Gates) -> AgentSite:
    """Start a server with all of them."""
    teller, rich, failing, counting, gated, asking = (
        Agent(name) for name in ("teller", "rich", "failing", "counting", "gated", "asking")
    )
    worker, buyer, slowbuyer = (Agent(name, model=model) for name, model in _MODELS.items())

    @teller.on_message
    async def tell(ctx: Context) -> Any:
        for piece in STORY:
            yield piece

    @rich.on_message
    async def say_everything(ctx: Context) -> Any:
        await ctx.think("Let me think")
        async with ctx.step("search"):
            await ctx.progress(0.5, "half way")
            await ctx.source("https://example.com/a", title="A page")
            yield "Found"
        async with ctx.step("search"):
            yield " it"
        await ctx.data("weather", {"sky": "blue"}, id="w1")
        await ctx.data("gone", 1, transient=True)
        await ctx.file("data:image/png;base64,AAAA", "image/png", name="dot.png")
        await ctx.attach("card", {"title": "A card"})
        ctx.writer.put(StateSnapshot, state={"step": 1})

    @failing.on_message
    async def fail(ctx: Context) -> Any:
        yield "So far"
        raise RuntimeError("nobody else's business")

    @counting.on_message
    async def count(ctx: Context) -> Any:
        said = [message.text for message in ctx.messages]
        yield f"{len(said)}: {' | '.join(said)}"

    @gated.on_message
    async def wait(ctx: Context) -> Any:
        yield STORY[0]
        yield STORY[1]
        await gates.wait(ctx.text)
        yield STORY[2]

    @asking.on_message
    async def ask(ctx: Context) -> Any:
        yield "I need to know. "
        colour = await ctx.interrupt("Which colour?")
        yield f"So {colour}."

    @worker.tool
    async def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    async def buy(item: str) -> str:
        """Buy."""
        return f"bought {item}"

    async def buy_slowly(item: str) -> str:
        """Buy."""
        await gates.wait("buy")
        return f"bought {item}"

    buyer.tool(buy, approve=True)
    slowbuyer.tool(buy_slowly, name="buy", approve=True)
    agents = (teller, rich, failing, counting, gated, asking, worker, buyer, slowbuyer)
    return await agent_site(*agents, models=Scripts())


_MODELS = {"worker": "adds", "buyer": "buys", "slowbuyer": "buys"}
