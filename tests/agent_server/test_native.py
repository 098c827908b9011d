"""The native protocol on real sockets."""

import httpx

from sluice.agents.agent import Agent
from sluice.agents.asked import Asked
from sluice.runs.messages import said
from tests.support.agent_site import AgentSites


async def test_road(agent_site: AgentSites) -> None:
    agent = Agent("echo")

    @agent.on_message
    async def handle(ctx):
        yield ctx.text

    site = await agent_site(agent)
    run = await site.service.start(Asked(owner="local", input=(said("hi"),)))
    async with httpx.AsyncClient(base_url=site.url) as http:
        answer = await http.get(f"/runs/{run.id}/stream")
        print(answer.headers, answer.text)
    assert site.faults == []
