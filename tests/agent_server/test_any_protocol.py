"""Any run, any protocol: begun in one, watched in all others, cut and resumed, stopped from any. Issue 6, 3 and 4."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.stores.runs import runs_of
from tests.agent_server.npm_agents import STORY, Gates
from tests.agent_server.speakers import FORGETFUL, STARTS, STOPS, WATCHES, Hearing, Known
from tests.agent_server.spoken import Words
from tests.support.agent_site import AgentSite, AgentSites, now
from tests.support.sse import Frame, frames
from tests.support.waiting import PATIENCE_S

HALF, WHOLE = "".join(STORY[:2]), "".join(STORY)


@pytest.fixture
def gates() -> Gates:
    return Gates()


def gated(gates: Gates) -> Agent:
    """Tell the first half of a story, and the other when its gate is opened."""
    agent = Agent("gated")

    @agent.on_message
    async def tell(ctx: Context) -> Any:
        yield STORY[0]
        yield STORY[1]
        await gates.wait(ctx.text)
        yield STORY[2]

    return agent


@pytest.fixture
async def site(agent_site: AgentSites, gates: Gates) -> AgentSite:
    return await agent_site(gated(gates))


@pytest.fixture
async def ask(site: AgentSite) -> AsyncIterator[httpx.AsyncClient]:
    async with http(site) as client:
        yield client


def http(site: AgentSite) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, timeout=PATIENCE_S, limits=httpx.Limits(max_connections=None))


async def until(said: str, words: Words) -> str:
    """Hear words until this has been said, and return the cursor behind it."""
    heard = ""
    async with asyncio.timeout(PATIENCE_S):
        async for text, cursor in words:
            heard += text
            if heard == said:
                return cursor
    raise AssertionError(f"heard {heard!r}, not {said!r}")


async def rest(words: Words) -> str:
    async with asyncio.timeout(PATIENCE_S):
        return "".join([text async for text, _ in words])


async def known(site: AgentSite, hearing: Hearing) -> Known:
    """Return the run that has begun; not all protocols say its name."""
    (running,) = site.service.running.values()
    assert hearing.run in ("", running.run.id)
    return Known(running.run.id, running.run.thread_id)


@pytest.mark.parametrize("begun", STARTS)
async def test_a_run_is_watched_cut_and_resumed_in_every_protocol(
    site: AgentSite, gates: Gates, ask: httpx.AsyncClient, begun: str
) -> None:
    async with STARTS[begun](site, ask, "story") as first:
        await until(HALF, first.words)
        run = await known(site, first)

        async def watches(name: str) -> str:
            """Hear the first half, lose the connection, come back, and hear what was missed."""
            async with WATCHES[name](site, ask, run, "") as cut:
                cursor = await until(HALF, cut.words)
            assert cursor or name in FORGETFUL, f"{name} gives no cursor"
            behind = "" if name in FORGETFUL else cursor
            async with WATCHES[name](site, ask, run, behind) as resumed:
                back.add(name)
                if len(back) == len(WATCHES):
                    gates.open("story")
                return (HALF if behind else "") + await rest(resumed.words)

        back: set[str] = set()
        async with asyncio.TaskGroup() as all_at_once:
            hearing = {name: all_at_once.create_task(watches(name)) for name in WATCHES}
            own = all_at_once.create_task(rest(first.words))
    assert own.result() == STORY[2]
    assert {name: task.result() for name, task in hearing.items()} == dict.fromkeys(WATCHES, WHOLE)
    assert site.faults == []


@pytest.mark.parametrize("begun", STARTS)
async def test_a_run_is_stopped_from_every_protocol_and_its_own_stream_ends(
    site: AgentSite, ask: httpx.AsyncClient, begun: str
) -> None:
    for number, (name, stop) in enumerate(STOPS.items()):
        async with STARTS[begun](site, ask, f"never-{number}") as first:
            await until(HALF, first.words)
            run = await known(site, first)
            await stop(site, ask, run)
            assert await rest(first.words) == "", name
        assert (await site.service.run("local", run.run)).status == "cancelled", name
        assert not site.service.running


@pytest.mark.parametrize("begun", [name for name in STARTS if not name.startswith("WebSocket")])
async def test_the_place_that_a_stream_names_tells_whoever_began_the_run_the_same_again(
    site: AgentSite, gates: Gates, ask: httpx.AsyncClient, begun: str
) -> None:
    gates.open("story")
    async with STARTS[begun](site, ask, "story") as first:
        assert await rest(first.words) == WHOLE
    again = await ask.get(first.headers["location"])
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers.get("x-vercel-ai-ui-message-stream") == ("v1" if begun == "ui" else None)
    told = [Frame(frame.event, bare(frame.data), frame.id) for frame in first.frames]
    assert frames(again.content) == told


def bare(data: bytes) -> bytes:
    """Take off the envelope of JSON-RPC, which has the number of a request."""
    return data.removeprefix(b'{"jsonrpc":"2.0","id":1,"result":').removesuffix(b"}") if b'"jsonrpc"' in data else data


async def test_runs_of_one_worker_are_watched_and_stopped_at_another(
    agent_site: AgentSites, gates: Gates, tmp_path: Path
) -> None:
    url = f"sqlite://{tmp_path}/runs.db"
    here, there = [await agent_site(gated(gates), store=runs_of(url, now)) for _ in range(2)]
    async with http(here) as ask, http(there) as ask_there:
        for number, (name, watch) in enumerate(WATCHES.items()):
            async with STARTS["native"](here, ask, f"story-{number}") as first:
                await until(HALF, first.words)
                run = await known(here, first)
                async with watch(there, ask_there, run, "") as elsewhere:
                    await until(HALF, elsewhere.words)
                    gates.open(f"story-{number}")
                    assert await rest(elsewhere.words) == STORY[2], name
                assert await rest(first.words) == STORY[2]
        for number, (name, stop) in enumerate(STOPS.items()):
            async with STARTS["native"](here, ask, f"never-{number}") as first:
                await until(HALF, first.words)
                await stop(there, ask_there, await known(here, first))
                assert await rest(first.words) == "", name
    assert here.faults == there.faults == []
