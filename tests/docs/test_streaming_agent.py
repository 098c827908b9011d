"""Seed 003's agent and each of its snippets, as shipped in examples/: they run, against the built-in provider."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.agents.agent import Agent
from sluice.agents.mock import Call, MockModels, Wait
from sluice.agents.model import Chunk, ModelRequest
from sluice.cli.agent_target import load
from sluice.errors import Refused
from sluice.net.model_road import ModelRoad
from sluice.runs.events import InterruptRequested, Progress, RunFailed, RunFinished, TextDelta
from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.world import World

FOLDER = Path(__file__).parents[2] / "examples" / "streaming_agent"
STORY = "Tell me a story about AI"


def example(name: str) -> Agent:
    return load(f"{FOLDER / name}.py:agent")[0]


async def fake_models(world: World) -> tuple[FakeProvider, ModelRoad]:
    fake = await world.fake(Options())
    serving = await world.gateway(int(fake.origin.rpartition(":")[2]))
    return fake, ModelRoad(serving.gateway, "gpt-3.5-turbo")


@pytest.mark.parametrize(
    "name",
    [
        "agent",
        "chunks",
        "progress",
        "with_timeout",
        "settings",
        "buffered",
        "error_notice",
        "backpressure",
        "monitored",
    ],
)
async def test_each_example_streams_what_the_provider_says(world: World, name: str) -> None:
    _, models = await fake_models(world)
    async with example(name).test(models=models) as t:
        events = await t.run(STORY)
        assert t.faults == []
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert finished.outcome == "success"
    assert STORY in t.text
    deltas = [event for event in events if isinstance(event, TextDelta)]
    assert len(deltas) > 1 or name == "settings"


async def test_the_agents_lines_are_the_seeds(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    _, models = await fake_models(world)
    async with example("agent").test(models=models) as t:
        await t.run(STORY)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [f"📨 Received message: {STORY}", "🔄 Streaming response...", '💬 First chunk received: "You"']
    assert (
        lines[3]
        == f"✅ Streaming complete - Total chunks: {t.last.stats.chunks}, Total length: {len(t.text)} characters"
    )


async def test_every_tenth_word_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with example("chunks").test(llm=["one |" * 25]) as t:
        await t.run("go")
    assert capsys.readouterr().out.split("\n")[:2] == ["Progress: 10 words", "Progress: 20 words"]


async def test_progress_is_told_every_half_second() -> None:
    async with example("progress").test(llm=[["one ", Wait(0.6), "two"]]) as t:
        events = await t.run("go")
    assert [event.note for event in events if isinstance(event, Progress)] == ["Received 2 chunks, 7 chars..."]


async def test_pieces_have_at_least_fifty_characters() -> None:
    async with example("buffered").test(llm=["0123456789|" * 12]) as t:
        events = await t.run("go")
    assert [len(event.text) for event in events if isinstance(event, TextDelta)] == [50, 50, 20]


async def test_a_stream_that_breaks_off_keeps_its_text_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    async with example("error_notice").test(llm=[["Once upon", Refused("gone", status=401)]]) as t:
        events = await t.run("go", thread="t")
        said = await t.messages("t")
    assert isinstance(events[-1], RunFailed)
    assert said[-1].text == "Once upon\n[Error: Stream interrupted]"
    assert capsys.readouterr().out == "Chunk processing error: gone\n"


async def test_the_model_gets_what_the_settings_say() -> None:
    models = MockModels("hi")
    async with example("settings").test(models=models) as t:
        await t.run("go")
    assert (models.asked[0].temperature, models.asked[0].max_tokens) == (0.3, 500)


async def test_the_figures_are_the_runs_own(capsys: pytest.CaptureFixture[str]) -> None:
    async with example("monitored").test(llm="mock:Once| upon") as t:
        await t.run("go")
    assert ", 2 chunks, 9 characters, " in capsys.readouterr().out


async def test_a_timeout_says_how_long_it_was() -> None:
    agent = example("with_timeout")
    agent.timeout = 0.05  # the snippet's 30 s, for a test's patience
    async with agent.test(llm=[["Once", Wait(1000)]]) as t:
        events = await t.run("go")
    finished = events[-1]
    assert isinstance(finished, RunFinished)
    assert (finished.outcome, finished.message) == ("timeout", "streaming timeout after 0.05s")


async def test_the_tool_agent_tells_prices_and_asks_before_it_takes_money() -> None:
    script = [[Call("price", {"tea": "Assam"})], [Call("pay", {"euros": 8.0})], ["Thank you."]]
    async with example("tools_agent").test(llm=script) as t:
        events = await t.run("tea, please", thread="t")
        assert [event.reason for event in events if isinstance(event, InterruptRequested)] == ["approval"]
        await t.answer(True, thread="t")
        assert t.text == "Thank you."


class Slow:
    """A model that counts how far it was read."""

    def __init__(self) -> None:
        self.given = 0

    async def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        for number in range(1000):
            self.given += 1
            yield Chunk(text=f"{number} ")


async def test_a_viewer_that_does_not_read_holds_up_the_model() -> None:
    agent, models = example("backpressure"), Slow()
    agent.buffer_timeout = 0.05
    async with agent.test(models=models) as t:
        run = await t.start("go")
        watching = t.watch(run)
        await anext(watching)
        await watching.aclose()
        viewer = t.service.watch(run)
        await anext(viewer)
        running = t.service.running[run.id]
        await running.over
        ended = await t.service.run(run.owner, run.id)
        await viewer.aclose()
    assert ended.status == "timeout"
    assert models.given < 1000
