"""Agents for the tests of seed 004, and a server of them with its client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.runs.events import TokenUsage
from tests.agent_server.flutch_client import Client, Said
from tests.support.agent_site import AgentSite, AgentSites

STORY = ("Once", " upon", " a", " time")
Start = Callable[..., Awaitable[tuple[AgentSite, Client]]]


def storyteller(version: str = "1.0.0", name: str = "streaming-chat") -> Agent:
    """An agent that tells the story piece by piece, each only when the one before is on its way."""
    agent = Agent(name, version=version)

    @agent.on_message
    async def tell(ctx: Context) -> AsyncIterator[str]:
        for piece in STORY:
            yield piece
            await asyncio.sleep(0)
        ctx.writer.spent("fake", TokenUsage(input_tokens=5, output_tokens=4))

    return agent


class Held:
    """An agent that says one thing, and the rest when it is let."""

    def __init__(self) -> None:
        self.agent = Agent("streaming-chat")
        self.go = asyncio.Event()
        self.calls = 0
        self.agent.on_message(self._tell)

    async def _tell(self, ctx: Context) -> AsyncIterator[str]:
        self.calls += 1
        yield "Once"
        await self.go.wait()
        yield " upon a time"


@pytest.fixture
async def start(agent_site: AgentSites) -> AsyncIterator[Start]:
    """Start a server of these agents and give it with its client."""
    async with httpx.AsyncClient(timeout=10) as http:

        async def started(*agents: Agent) -> tuple[AgentSite, Client]:
            site = await agent_site(*agents)
            http.base_url = httpx.URL(site.url)
            return site, Client(http)

        yield started


def told(events: list[Said]) -> str:
    """Return the text of the pieces, in either dialect."""
    pieces = [said.data for said in events if said.event == "stream_event"]
    return "".join(piece.get("content") or piece["delta"]["text"] for piece in pieces)
