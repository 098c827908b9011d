"""The examples that no page of a seed has: each runs as it is shipped."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator

import pytest

from sluice import Client
from sluice.agents.agent import Agent
from sluice.agents.mock import Call
from sluice.cli.agent_target import load
from sluice.runs.events import Attachment, Data, Event, InterruptRequested, StepStarted, TextDelta, ToolOutput
from tests.docs.pages import ROOT
from tests.docs.test_streaming_agent import fake_models
from tests.support.agent_site import AgentSites
from tests.support.world import World

FOLDER = ROOT / "examples"
WAIT_S = 15.0


@pytest.fixture
async def agent_site() -> AsyncIterator[AgentSites]:
    sites = AgentSites()
    try:
        yield sites
    finally:
        await sites.close()


def example(path: str) -> Agent:
    return load(f"{FOLDER / path}:agent")[0]


def steps(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, StepStarted)]


def text(events: list[Event], channel: str = "text") -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.channel == channel)


def test_the_list_of_examples_has_every_file() -> None:
    listed = re.findall(r"^\| \[([\w/.]+)\]", (FOLDER / "README.md").read_text(), re.MULTILINE)
    there = {
        path.relative_to(FOLDER).as_posix()
        for kind in ("*.py", "*.js")
        for path in FOLDER.rglob(kind)
        if "node_modules" not in path.parts
    }
    assert set(listed) == there


async def test_the_graph_looks_thinks_and_lets_the_model_answer(world: World) -> None:
    _, models = await fake_models(world)
    async with example("graph_agent/graph.py").test(models=models) as t:
        events = await t.run("Tell me a story about tea", thread="t")
        assert t.faults == []
        assert "Tell me a story about tea" in text(events)
        assert text(events, "processing") == "So far I know: 6 words, drinks."
        assert set(steps(events)[:2]) == {"words", "topics"}
        assert steps(events)[2:] == ["plan", "answer"]
        again = await t.run("Why?", thread="t")
    assert (steps(again)[2:], text(again)) == (["plan", "short"], "Tell me more: what would you like to know?")
    assert text(again, "processing") == "So far I know: 6 words, drinks, 1 words, no topic."


async def test_the_desk_asks_in_the_midst_of_a_run_and_goes_on() -> None:
    async with example("approval_agent/agent.py").test() as t:
        events = await t.run("refund 7", thread="t")
        (asked,) = [event for event in events if isinstance(event, InterruptRequested)]
        assert asked.question == "How shall order 7 be refunded?"
        assert asked.schema == {"enum": ["to the card", "as a voucher", "not at all"]}
        assert text(events) == ""
        await t.answer("as a voucher", thread="t")
        assert t.text == "Order 7 is refunded as a voucher."


@pytest.mark.parametrize(
    ("answer", "output"), [(True, ["8.00 euros for order 7 are on their way"]), (False, [])], ids=["yes", "no"]
)
async def test_the_desks_tool_waits_for_a_yes(answer: bool, output: list[str]) -> None:
    script = [[Call("refund", {"order": "7", "euros": 8})], "I see."]
    async with example("approval_agent/agent.py").test(llm=script) as t:
        events = await t.run("My tea is stale, order 7", thread="t")
        assert [event.reason for event in events if isinstance(event, InterruptRequested)] == ["approval"]
        events = await t.answer(answer, thread="t")
        assert [event.output for event in events if isinstance(event, ToolOutput)] == output
        assert t.text == "I see."


async def test_the_desks_button_is_pressed(agent_site: AgentSites) -> None:
    site = await agent_site(example("approval_agent/agent.py"))
    async with Client(site.url) as client:
        events = [event async for event in client.runs.stream("remind")]
        (button,) = [event for event in events if isinstance(event, Attachment)]
        pressed = await client.press(button.value["token"])
    assert (pressed.message, pressed.patch) == ("You will be reminded tomorrow.", {"disableButtons": True})


@pytest.mark.parametrize(("answer", "said"), [("yes", "It is published."), ("no", "It stays a draft.")])
async def test_the_langgraph_agent_streams_asks_and_goes_on(answer: str, said: str) -> None:
    async with example("langgraph_agent/agent.py").test() as t:
        events = await t.run("Write", thread="t")
        assert len([event for event in events if isinstance(event, TextDelta)]) > 5
        assert text(events) == "Once upon a time a graph was told."
        assert [event.value for event in events if isinstance(event, Data)] == [{"stage": "drafting"}]
        assert [event.question for event in events if isinstance(event, InterruptRequested)] == ["Shall I publish it?"]
        await t.answer(answer, thread="t")
        assert t.text == said


async def test_the_websocket_client_prints_the_chunks_and_ends_at_done(agent_site: AgentSites) -> None:
    site = await agent_site(example("graph_agent/graph.py"))
    client = FOLDER / "streaming_agent" / "websocket_client.py"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(client), f"{site.ws_url}/ws", "Why?"),
        env={"PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        printed, wrong = await process.communicate()
    assert (process.returncode, wrong) == (0, b"")
    assert printed.decode() == "Tell me more: what would you like to know?\n"
