"""Seed 004 as executable documentation: its commands through a real curl, its page and ours saying the same."""

import asyncio
import json
import shlex
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.cli.agent_target import load
from sluice.runs.events import StepStarted, TextDelta
from tests.docs.seed_004 import EXAMPLES, PAGE, SEEDS, blocks, snippet, source
from tests.support.agent_site import AgentSites
from tests.support.loops import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
STORY = ("Once", " upon", " a", " time")


class Storyteller:
    """Says each piece when it is let, and remembers when it did."""

    def __init__(self) -> None:
        self.agent = Agent("streaming-chat", version="1.0.0")
        self.agent.on_message(self._tell)
        self.let = asyncio.Semaphore(0)
        self.said: list[float] = []
        self.heard: list[str] = []

    async def _tell(self, ctx: Context) -> AsyncIterator[str]:
        self.heard.append(ctx.text)
        for piece in STORY:
            await self.let.acquire()
            self.said.append(time.monotonic())
            yield piece


@pytest.fixture
async def agent_site() -> AsyncIterator[AgentSites]:
    sites = AgentSites()
    try:
        yield sites
    finally:
        await sites.close()


@asynccontextmanager
async def curl(word: str, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Paste the seed's curl command for an address into a shell; only the server's own address is another."""
    command = snippet(f"3000/{word} ").replace("http://localhost:3000", url)
    assert url in command
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_our_page_has_the_seeds_own_commands() -> None:
    if not SEEDS.exists():
        assert source() == PAGE
        return
    ours = blocks(PAGE.read_text())
    for word in ("3000/stream", "3000/generate", "new EventSource"):
        assert snippet(word) in ours


async def test_curl_shows_each_chunk_when_it_is_said(agent_site: AgentSites) -> None:
    teller = Storyteller()
    site = await agent_site(teller.agent)
    seen: list[tuple[float, str]] = []
    async with curl("stream", site.url) as process:
        assert process.stdout is not None
        for piece in STORY:
            teller.let.release()
            async with asyncio.timeout(5):
                while not (line := await process.stdout.readline()).startswith(b"data: "):
                    assert line
            seen.append((time.monotonic(), json.loads(line[6:])["content"]))
            assert len(teller.said) == len(seen), "the next piece is not said before this one is seen"
            assert seen[-1][1] == piece
        rest = (await process.stdout.read()).decode()
    assert [at - said < 1.0 for (at, _), said in zip(seen, teller.said, strict=True)] == [True] * 4
    assert rest.lstrip("\n").split("\n")[1] == "event: final"
    assert json.loads(rest.partition("data: ")[2])["text"] == "".join(STORY)
    assert teller.heard == ["Tell me a story about a space explorer"]


async def test_the_other_curl_waits_for_the_same_answer_whole(agent_site: AgentSites) -> None:
    teller = Storyteller()
    for _ in STORY * 2:
        teller.let.release()
    site = await agent_site(teller.agent)
    async with curl("stream", site.url) as process:
        streamed, _ = await process.communicate()
    async with curl("generate", site.url) as process:
        whole, _ = await process.communicate()
    final = json.loads(streamed.decode().partition("event: final\ndata: ")[2])
    assert json.loads(whole) == final | {"requestId": "req-002"}
    messages = await site.service.messages("local", "thread-001")
    assert [message.role for message in messages] == ["user", "assistant"] * 2


async def test_the_example_is_that_graph() -> None:
    (agent,) = load(f"{EXAMPLES / 'graph.py'}:agent")
    assert f"{agent.name}::{agent.version}" == "streaming-chat::1.0.0"
    async with agent.test(llm="mock:Once| upon| a time") as bench:
        events = await bench.run("Tell me a story")
    steps = [event.name for event in events if isinstance(event, StepStarted)]
    assert (steps, "".join(event.text for event in events if isinstance(event, TextDelta))) == (
        ["chat"],
        "Once upon a time",
    )


def test_the_commands_are_verbatim() -> None:
    """What a reader pastes is what is tested: two commands, each with the seed's flags and body."""
    for word, flags in (("3000/stream ", ["-N", "-X", "POST"]), ("3000/generate ", ["-X", "POST"])):
        words = shlex.split(snippet(word).replace("\\\n", " "))
        assert words[: len(flags) + 1] == ["curl", *flags]
        body = json.loads(words[words.index("-d") + 1])
        assert body["graphSettings"] == {"graphType": "streaming-chat::1.0.0"}
