"""Agents as chat models, asked by the official client."""

from typing import Any

from openai import AsyncOpenAI

from sluice.agents.agent import Agent
from tests.support.agent_site import AgentSites


def storyteller() -> Agent:
    agent = Agent("storyteller")

    @agent.on_message
    async def handle(ctx: Any) -> Any:
        for piece in ("Once", " upon", " a time"):
            yield piece

    return agent


async def test_a_stream_comes_in_the_pieces_that_the_agent_yields(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with AsyncOpenAI(base_url=f"{site.url}/v1", api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="agent/storyteller", messages=[{"role": "user", "content": "a story"}], stream=True
        )
        pieces = [chunk.choices[0].delta.content async for chunk in stream]
    assert pieces == ["", "Once", " upon", " a time", None]
