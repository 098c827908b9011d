"""Many viewers, many runs: nobody holds anybody up, and memory stays where it is."""

import asyncio
import gc
import time
import tracemalloc
from contextlib import aclosing
from typing import Any

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.runs.events import TextDelta
from sluice.runs.records import Run
from sluice.testing.bench import TestBench

PIECES = 40
PACE_S = 0.02


def paced(took: list[float]) -> Agent:
    """An agent that says PIECES words at its pace, and notes how long that took."""
    agent = Agent("paced")

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        began = time.monotonic()
        for number in range(PIECES):
            yield f"{number} "
            await asyncio.sleep(PACE_S)
        took.append(time.monotonic() - began)

    return agent


async def watch(t: TestBench, run: Run) -> int:
    async with aclosing(t.service.watch(run, merge=True)) as batches:
        words = 0
        async for batch in batches:
            words += sum(len(event.text.split()) for event in batch if isinstance(event, TextDelta))
    return words


async def stall(t: TestBench, run: Run, over: asyncio.Event) -> None:
    async with aclosing(t.service.watch(run)) as batches:
        await anext(batches)
        await over.wait()


async def test_viewers_and_stalled_ones_do_not_slow_a_run_down() -> None:
    took: list[float] = []
    over = asyncio.Event()
    async with paced(took).test() as t:
        await t.service.wait(await t.start("alone"))
        run = await t.start("watched")
        async with asyncio.TaskGroup() as group:
            viewers = [group.create_task(watch(t, run)) for _ in range(180)]
            stalled = [group.create_task(stall(t, run, over)) for _ in range(20)]
            await t.service.running[run.id].over
            over.set()
        assert {viewer.result() for viewer in viewers} == {PIECES}
        assert all(one.done() for one in stalled)
    alone, watched = took
    assert watched < 1.5 * alone
    assert len(asyncio.all_tasks()) == 1


async def test_runs_at_once_cost_at_most_64_kib_each() -> None:
    go = asyncio.Event()
    agent = Agent("one", max_concurrent=2000)

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        for number in range(70):
            yield f"word {number} of a story "
        await go.wait()

    async with agent.test() as t:
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            runs = [await t.start("hello", thread=f"thread-{number}") for number in range(300)]
            async with asyncio.timeout(30):
                while not all(running.log.last >= 73 for running in t.service.running.values()):
                    await asyncio.sleep(0.01)
            each = (tracemalloc.get_traced_memory()[0] - before) / len(runs)
        finally:
            tracemalloc.stop()
        assert len(t.service.running) == 300
        assert each <= 64 * 1024, f"{each / 1024:.1f} KiB a run"
        go.set()
        for run in runs:
            await t.service.wait(run)
    assert len(asyncio.all_tasks()) == 1
