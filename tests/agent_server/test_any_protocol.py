"""Any run, any protocol: begun in one, watched in all others, cut and resumed, stopped from any. Issue 6, 3 and 4."""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.runs.projections.table import PROJECTIONS
from sluice.runs.records import Run
from sluice.stores.runs import runs_of
from tests.agent_server.answers import ANSWERS, SAID
from tests.agent_server.nginx import nginx
from tests.agent_server.npm_agents import STORY, Gates
from tests.agent_server.speakers import (
    FORGETFUL,
    STARTS,
    STOPS,
    WATCHES,
    Hearing,
    Known,
    conversation,
)
from tests.agent_server.spoken import Words
from tests.support.agent_site import AgentSite, AgentSites, now
from tests.support.sse import Frame, frames
from tests.support.waiting import PATIENCE_S
from tests.support.waiting import until as holds

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


async def test_the_place_that_a_stream_names_tells_whoever_began_the_run_the_same_again(
    site: AgentSite, gates: Gates, ask: httpx.AsyncClient
) -> None:
    for number, begun in enumerate(name for name in STARTS if not name.startswith("WebSocket")):
        gates.open(f"story-{number}")
        async with STARTS[begun](site, ask, f"story-{number}") as first:
            assert await rest(first.words) == WHOLE
        again = await ask.get(first.headers["location"])
        assert again.headers["content-type"] == first.headers["content-type"], begun
        for named in ("content-location", "x-run-id", "x-thread-id"):
            assert first.headers[named] == again.headers[named] != "", begun
        assert first.headers["x-accel-buffering"] == again.headers["x-accel-buffering"] == "no"
        assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"
        assert again.headers.get("x-vercel-ai-ui-message-stream") == ("v1" if begun == "ui" else None)
        told = [Frame(frame.event, bare(frame.data), frame.id) for frame in first.frames]
        assert frames(again.content) == told, begun


async def test_a_question_is_answered_from_every_protocol(agent_site: AgentSites) -> None:
    agent = Agent("gated")

    @agent.on_message
    async def tell(ctx: Context) -> Any:
        yield STORY[0]
        yield f" {await ctx.interrupt('Which?')}"

    site = await agent_site(agent)
    async with http(site) as ask:
        for number, (begun, answered) in enumerate(product(STARTS, ANSWERS)):
            async with STARTS[begun](site, ask, f"story-{number}") as first:
                await rest(first.words)
            (before,) = [run for run in await every(site) if run.interrupts]
            await ANSWERS[answered](site, ask, Known(before.id, before.thread_id), before.interrupts[0].id)
            for running in list(site.service.running.values()):
                await running.over
            (after,) = [run for run in await every(site) if run.resumes == before.id]
            assert (after.status, after.output[-1].text.strip()) == ("success", SAID), f"{begun}, {answered}"
            await site.service.store.delete_thread("local", before.thread_id)


async def every(site: AgentSite) -> list[Run]:
    threads = await site.service.store.search_threads("local", limit=1000)
    return [run for thread in threads for run in await site.service.store.list_runs("local", thread.id)]


async def test_nginx_with_its_defaults_holds_back_no_protocol(site: AgentSite, gates: Gates, tmp_path: Path) -> None:
    async with nginx(site.port, tmp_path) as url, httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as ask:
        for number, start in enumerate(start for name, start in STARTS.items() if not name.startswith("WebSocket")):
            async with start(site, ask, f"story-{number}") as first:
                await until(HALF, first.words)
                run = await known(site, first)
                for name, watch in WATCHES.items() if not number else ():
                    if not name.startswith("WebSocket"):
                        async with watch(site, ask, run, "") as hearing:
                            await until(HALF, hearing.words)
                gates.open(f"story-{number}")
                assert await rest(first.words) == STORY[2]


class ByHeader:
    """Who asks is who the header says; without one a stranger."""

    async def principal(self, request: HTTPConnection) -> str:
        return request.headers.get("x-user", "stranger")


async def test_a_stranger_is_told_in_every_protocol_that_there_is_no_such_run(
    agent_site: AgentSites, gates: Gates
) -> None:
    site = await agent_site(gated(gates), principals=ByHeader())
    nothing = re.compile("there is no|not_found|no-active|: 204")
    async with http(site) as stranger, http(site) as owner:
        owner.headers["x-user"] = "ann"
        async with STARTS["native"](site, owner, "story") as first:
            await until(HALF, first.words)
            run = await known(site, first)
            for name, watch in {**WATCHES, "a thread": conversation("native")}.items():
                with pytest.raises(AssertionError, match=nothing):
                    async with watch(site, stranger, run, "") as hearing:
                        raise RuntimeError(f"{name} says {await anext(hearing.words)}")
            for stop in STOPS.values():
                with pytest.raises(AssertionError, match=nothing):
                    await stop(site, stranger, run)
            gates.open("story")
            assert await rest(first.words) == STORY[2]


LEFT_ALONE_ENDS = {"flutch", "flutch-sdk", "ag-ui", "WebSocket, text"}
"""Where a run ends when nobody has watched it for a while; elsewhere it goes on (agents.md E.5)."""


async def test_a_run_whose_viewer_leaves_goes_on_for_ever_or_for_five_seconds(
    site: AgentSite, gates: Gates, ask: httpx.AsyncClient
) -> None:
    for number, (begun, start) in enumerate(STARTS.items()):
        async with start(site, ask, f"story-{number}") as first:
            await until(HALF, first.words)
            run = await known(site, first)
            running = site.service.running[run.run]
            assert (running.run.on_disconnect == "cancel") == (begun in LEFT_ALONE_ENDS), begun
            assert running.run.linger_s == 5.0
        await holds(lambda: not running.viewers)  # noqa: B023  # asked within the turn
        gates.open(f"story-{number}")  # before the five seconds have passed
        await running.over
        assert (await site.service.run("local", run.run)).status == "success", begun


async def test_a_conversation_is_followed_in_every_protocol(
    site: AgentSite, gates: Gates, ask: httpx.AsyncClient
) -> None:
    for name in PROJECTIONS:
        follow = conversation(name)
        async with STARTS["native"](site, ask, name) as first:
            await until(HALF, first.words)
            run = await known(site, first)
            async with follow(site, ask, run, "") as cut:
                cursor = await until(HALF, cut.words)
            async with follow(site, ask, run, cursor) as resumed:
                gates.open(name)
                await until(STORY[2], resumed.words)
                assert resumed.headers["x-thread-id"] == name
            await rest(first.words)


async def test_a_run_that_waits_for_its_turn_is_watched_without_silence_in_every_protocol(
    site: AgentSite, gates: Gates, ask: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for made in PROJECTIONS.values():
        monkeypatch.setattr(made, "heartbeat_s", 0.02)
    async with STARTS["native"](site, ask, "story") as first:
        await until(HALF, first.words)
        for name in PROJECTIONS:
            second = {"input": "x", "multitask_strategy": "enqueue"}
            async with ask.stream("POST", f"/threads/story/runs/stream?protocol={name}", json=second) as waiting:
                async with asyncio.timeout(PATIENCE_S):
                    lines = waiting.aiter_lines()
                    assert [await anext(lines), await anext(lines)] == [": keep-alive", ""], name
                run = waiting.headers["x-run-id"]
            assert (await ask.post(f"/runs/{run}/cancel?wait=1")).json()["status"] == "cancelled"


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
