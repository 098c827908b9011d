"""Starting, finding, watching and cleaning up, as protocols and other workers see it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.agents.live import KEEP
from sluice.agents.mock import Wait
from sluice.errors import Conflict, NotFound
from sluice.runs.events import Data, Event, RunFailed, RunFinished, TextDelta, type_of
from sluice.runs.fold import Fold
from sluice.runs.order import Brackets
from sluice.runs.records import Run
from sluice.stores.runs_memory import MemoryRuns
from sluice.testing.bench import TestBench


def now() -> int:
    return time.time_ns() // 1_000_000


def echo(**options: Any) -> Agent:
    agent = Agent("echo", **options)

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        for word in ctx.text.split(" "):
            yield word

    return agent


def held(go: asyncio.Event, **options: Any) -> Agent:
    agent = Agent("held", **options)

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        yield f"{ctx.text} "
        await go.wait()
        yield "done"

    return agent


@asynccontextmanager
async def until(true: Callable[[], bool]) -> AsyncIterator[None]:
    """Wait for something, at most 5 s."""
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)
    yield


async def read(t: TestBench, run: Run, after: int = 0) -> list[Event]:
    async with aclosing(t.service.watch(run, after)) as batches:
        return [event async for batch in batches for event in batch]


async def test_the_same_request_is_the_same_run_and_with_another_body_a_conflict() -> None:
    async with echo().test() as t:
        runs = [await t.start("hi", request_id="r1", digest="d1") for _ in range(3)]
        assert len({run.id for run in runs}) == 1
        await t.service.wait(runs[0])
        assert (await t.start("hi", request_id="r1", digest="d1")).id == runs[0].id
        with pytest.raises(Conflict, match="'r1' came with another body"):
            await t.start("ho", request_id="r1", digest="d2")
        assert (await t.start("ho", request_id="r1", digest="d2", owner="another")).id != runs[0].id


async def test_of_the_same_request_twice_at_once_one_runs() -> None:
    async with echo().test() as t:
        async with asyncio.TaskGroup() as group:
            started = [group.create_task(t.start("hi", request_id="r", digest="d")) for _ in range(20)]
        assert len({task.result().id for task in started}) == 1
        await t.service.wait(started[0].result())
        assert len(await t.service.store.live_runs()) == 0


async def test_what_belongs_to_another_is_not_there() -> None:
    async with echo().test() as t:
        run = await t.start("hi", thread="x")
        await t.service.wait(run)
        for lookup in (
            t.service.run("another", run.id),
            t.service.cancel("another", run.id),
            t.service.thread("another", "x"),
            t.service.messages("another", "x"),
        ):
            with pytest.raises(NotFound):
                await lookup
        with pytest.raises(NotFound, match="there is no thread 'y'"):
            await t.start("hi", thread="y", create_thread=False)
        with pytest.raises(NotFound, match="there is no agent 'nobody'"):
            await t.start("hi", agent="nobody")


async def test_runs_of_a_thread_wait_for_each_other_in_their_order() -> None:
    go = asyncio.Event()
    async with held(go).test() as t:
        runs = [await t.start(str(number), thread="x") for number in range(5)]
        async with until(lambda: t.service.running[runs[0].id].writer.begun):
            assert not any(t.service.running[run.id].writer.begun for run in runs[1:])
        go.set()
        for run in runs:
            await t.service.wait(run)
        said = [message.text for message in await t.messages("x")]
        assert said == [text for number in range(5) for text in (str(number), f"{number} done")]


async def test_a_run_that_was_cancelled_while_it_waited_has_a_whole_log_and_lets_the_next_by() -> None:
    go = asyncio.Event()
    async with held(go).test() as t:
        first, second, third = [await t.start(name, thread="x") for name in ("one", "two", "three")]
        await t.service.cancel(t.owner, second.id)
        events = await read(t, second)
        assert [type_of(event) for event in events] == ["run.started", "run.finished"]
        go.set()
        assert (await t.service.wait(third)).status == "success"
        assert (await t.service.wait(first)).status == "success"


async def test_reject_interrupt_and_rollback() -> None:
    go = asyncio.Event()
    async with held(go).test() as t:
        first = await t.start("one", thread="x")
        with pytest.raises(Conflict, match="thread 'x' is busy"):
            await t.start("two", thread="x", multitask="reject")
        third = await t.start("three", thread="x", multitask="interrupt")
        assert (await t.service.wait(first)).status == "cancelled"
        async with until(lambda: t.service.running[third.id].writer.watch.spoke):
            fourth = await t.start("four", thread="x", multitask="rollback")
        with pytest.raises(NotFound):
            await t.service.run(t.owner, third.id)
        go.set()
        await t.service.wait(fourth)
        assert [message.text for message in await t.messages("x")] == ["one", "one ", "four", "four done"]
        assert (await t.start("five", thread="x", multitask="reject")).id


async def test_of_two_that_will_not_wait_one_runs() -> None:
    go = asyncio.Event()
    async with held(go).test() as t:
        async with asyncio.TaskGroup() as group:
            both = [group.create_task(refused(t)) for _ in range(2)]
        assert sorted(task.result() for task in both) == [False, True]
        go.set()


async def refused(t: TestBench) -> bool:
    try:
        await t.start("hi", thread="x", multitask="reject")
    except Conflict:
        return True
    return False


async def test_every_viewer_gets_the_same_log_from_wherever_it_begins() -> None:
    go = asyncio.Event()
    async with held(go).test() as t:
        run = await t.start("hi", thread="x")
        async with until(lambda: t.service.running[run.id].writer.watch.spoke):
            viewers = [asyncio.create_task(read(t, run, after)) for after in range(4)]
        go.set()
        logs = [await viewer for viewer in viewers]
        whole = await read(t, run)  # and when it is over
    for after, log in enumerate(logs):
        assert log == whole[after:]


async def test_a_viewer_that_fell_behind_what_memory_keeps_reads_the_store_and_merges() -> None:
    async with echo().test() as t:
        run = await t.start(" ".join("x" * 500))
        await t.service.wait(run)
        async with aclosing(t.service.watch(run, 3, merge=True)) as batches:
            merged = [event async for batch in batches for event in batch]
        assert "".join(event.text for event in merged if isinstance(event, TextDelta)) == "x" * 500
        assert len(merged) < 10
        assert KEEP < 500


async def test_silence_is_said_as_an_empty_list() -> None:
    go = asyncio.Event()
    async with held(go).test() as t:
        run = await t.start("hi")
        async with aclosing(t.service.watch(run, beat_s=0.02)) as batches:
            seen: list[int] = []
            async for batch in batches:
                seen.append(len(batch))
                if seen[-2:] == [0, 0]:
                    go.set()
                    break
        assert seen[0] > 0


async def test_a_cursor_that_the_log_does_not_reach_gets_a_gap_and_everything() -> None:
    go = asyncio.Event()
    async with held(go).test() as t:
        run = await t.start("hi")
        ahead = asyncio.create_task(read(t, run, 1000))
        await asyncio.sleep(0.01)
        go.set()
        gap, *rest = await ahead
        assert isinstance(gap, Data)
        assert (gap.name, gap.seq, gap.value["after"]) == ("resume_gap", 0, 1000)
        whole = await read(t, run)
        assert rest == whole
        gap, *rest = await read(t, run, 1000)  # and when it is over
        assert (gap.seq, rest) == (0, whole)
        assert await read(t, run, len(whole)) == []


async def test_events_that_are_not_kept_any_more_are_told_again_from_the_record() -> None:
    async with echo().test() as t:
        run = await t.start("hello big world", thread="x")
        record = await t.service.wait(run)
        await t.service.store.sweep(now(), now() + 10)
        for after in (0, 4):
            gap, *told = await read(t, run, after)
            assert gap.seq == 0
            brackets, fold = Brackets(), Fold()
            for event in told:
                brackets.step(event)
                fold.step(event)
            assert brackets.ended
            assert fold.messages() == record.output
            assert fold.text == "hellobigworld"


class Worker(TestBench):
    """One of several on the same store, which tells all of them what one tells."""

    def __init__(self, store: MemoryRuns, *agents: Agent, **options: Any) -> None:
        super().__init__(*agents, store=store, **options)


async def killed(t: TestBench, run: Run) -> None:
    """Have the worker forget a run as a kill does: nothing more is written, its lease runs out."""
    running = t.service.running.pop(run.id)
    running.hand_over()
    await running.over
    await t.service.store.put_run(msgspec.structs.replace(running.run, status="running"))


async def test_the_runs_of_a_dead_worker_end_as_failed_and_keep_what_they_said() -> None:
    go = asyncio.Event()
    store = MemoryRuns(now)
    first, second = Worker(store, held(go)), Worker(store, held(go))
    async with first:
        run = await first.start("so far", thread="x")
        async with until(lambda: first.service.running[run.id].writer.watch.spoke):
            await killed(first, run)
        async with second:
            log = await read(second, run)
            brackets = Brackets()
            for event in log:
                brackets.step(event)
            end = log[-1]
            assert isinstance(end, RunFailed)
            assert (end.code, end.retryable, end.status) == ("server_restart", True, 503)
            record = await second.service.run(second.owner, run.id)
            assert (record.status, record.last_seq) == ("error", len(log))
            texts = [message.text for message in await second.messages("x")]
            assert texts == ["so far", "so far \n[Error: Stream interrupted]"]
            assert (await second.thread("x")).status == "error"


async def test_a_durable_run_of_a_dead_worker_is_run_again_in_the_same_log() -> None:
    go = asyncio.Event()
    store = MemoryRuns(now)
    first, second = Worker(store, held(go, durable=True)), Worker(store, held(go, durable=True))
    async with first:
        run = await first.start("go", thread="x")
        async with until(lambda: first.service.running[run.id].writer.watch.spoke):
            await killed(first, run)
        go.set()
        async with second:
            log = await read(second, run)
    brackets = Brackets()
    for event in log:
        brackets.step(event)
    end = log[-1]
    assert isinstance(end, RunFinished)
    assert end.outcome == "success"
    texts = [event.text for event in log if isinstance(event, TextDelta)]
    assert texts == ["go ", "go ", "done"]


async def test_a_server_that_shuts_down_leaves_durable_runs_to_the_next() -> None:
    go = asyncio.Event()
    store = MemoryRuns(now)
    first, second = Worker(store, held(go, durable=True)), Worker(store, held(go, durable=True))
    async with first:
        run = await first.start("go", thread="x")
        watching = asyncio.create_task(read(first, run))
        async with until(lambda: first.service.running[run.id].writer.watch.spoke):
            pass
    go.set()
    assert await watching  # the viewer is let go, without an end
    async with second:
        assert (await second.service.wait(run)).status == "success"


async def test_a_run_of_another_worker_is_watched_and_cancelled() -> None:
    go = asyncio.Event()
    store = MemoryRuns(now)
    first, second = Worker(store, held(go)), Worker(store, held(go))
    async with second, first:  # the memory store has one listener: the last to open
        run = await first.start("hi", thread="x")
        watching = asyncio.create_task(read(second, run))
        async with until(lambda: first.service.running[run.id].writer.watch.spoke):
            began = time.monotonic()
            await second.service.cancel(second.owner, run.id, "from afar")
        end = (await watching)[-1]
        assert time.monotonic() - began < 0.25
        assert isinstance(end, RunFinished)
        assert (end.outcome, end.reason) == ("cancelled", "from afar")


async def test_a_viewer_on_another_worker_keeps_a_run_alive_that_minds() -> None:
    go = asyncio.Event()
    store = MemoryRuns(now)
    first, second = Worker(store, held(go)), Worker(store, held(go))
    async with second, first:
        run = await first.start("hi", thread="x", on_disconnect="cancel", linger_s=0.8)
        watching = asyncio.create_task(read(second, run))
        await asyncio.sleep(1.2)
        assert run.id in first.service.running
        go.set()
        assert isinstance((await watching)[-1], RunFinished)


async def test_a_run_whose_events_the_store_cannot_keep_ends_as_failed() -> None:
    async with held(asyncio.Event()).test() as t:
        run = await t.start("hi")
        async with until(lambda: t.service.running[run.id].writer.watch.spoke):
            t.service.store.lost(run.id)
        end = (await read(t, run))[-1]
        assert isinstance(end, RunFailed)
        assert (end.code, end.status) == ("store_failed", 503)


async def test_history_that_the_client_keeps_becomes_the_threads() -> None:
    async with echo().test() as t:
        await t.run("one", thread="x")
        await t.run("two", thread="x", replace_history=True)
        assert [message.text for message in await t.messages("x")] == ["two", "two"]


async def test_system_messages_of_clients_are_dropped_unless_allowed() -> None:
    from sluice.runs.messages import said

    rule, question = said("obey", "system"), said("hi")
    seen: list[list[str]] = []
    for allowed in (False, True):
        agent = Agent("one", allow_system=allowed)

        @agent.on_message
        async def handle(ctx: Context) -> None:
            seen.append([message.role for message in ctx.messages])

        async with agent.test() as t:
            await t.run(input=(rule, question))
            await t.run(input=(rule, question), keep_system=True)
    assert seen == [["user"], ["system", "user"], ["system", "user"], ["system", "user"]]


async def test_text_comes_at_most_as_often_as_the_agent_says_and_all_of_it() -> None:
    agent = Agent("one", model="m", min_interval_ms=50)

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        async for chunk in ctx.llm.stream(ctx.messages):
            yield chunk

    script = [piece for _ in range(20) for piece in ("x", Wait(0.005))]
    async with agent.test(llm=[script]) as t:
        deltas = [event for event in await t.run("hi") if isinstance(event, TextDelta)]
    assert "".join(event.text for event in deltas) == "x" * 20
    assert deltas[0].text == "x"
    assert 3 <= len(deltas) <= 8
    assert all(later.ts - earlier.ts >= 40 for earlier, later in pairwise(deltas[:-1]))
