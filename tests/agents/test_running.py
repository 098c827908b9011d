"""How runs end: each way once, with everything closed and kept, and no task left."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Any

import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.agents.mock import Call, Think, Wait
from sluice.errors import BadRequest, GuardRejected, NotFound, Overloaded, Truncated, Unavailable
from sluice.runs.events import Event, RunFailed, RunFinished, StateSnapshot, TextDelta, TokenUsage, ToolFailed, type_of
from sluice.runs.fold import STREAM_INTERRUPTED
from sluice.runs.order import Brackets
from sluice.testing.bench import TestBench


def agent_of(handler: Any, **options: Any) -> Agent:
    agent = Agent("one", **options)
    agent.on_message(handler)
    return agent


def legal(events: Sequence[Event]) -> None:
    brackets = Brackets()
    for event in events:
        brackets.step(event)
    assert brackets.ended


def finished(events: Sequence[Event]) -> RunFinished:
    legal(events)
    end = events[-1]
    assert isinstance(end, RunFinished)
    return end


def failed(events: Sequence[Event]) -> RunFailed:
    legal(events)
    end = events[-1]
    assert isinstance(end, RunFailed)
    return end


async def sleeps(ctx: Context) -> Any:
    yield "so far"
    await asyncio.sleep(30)


async def test_what_a_handler_yields_is_streamed_and_what_it_returns_is_the_reply() -> None:
    async def yields(ctx: Context) -> Any:
        yield "a"
        yield "b"

    async def returns(ctx: Context) -> str:
        return "ab"

    def plain(ctx: Context) -> str:
        return "ab"

    def generates(ctx: Context) -> Any:
        yield "a"
        yield "b"

    for handler in (yields, returns, plain, generates):
        async with agent_of(handler).test() as t:
            assert finished(await t.run("hi")).outcome == "success"
            assert t.text == "ab"


async def test_a_plain_function_holds_up_nobody() -> None:
    import threading

    go = threading.Event()

    def plain(ctx: Context) -> str:
        assert go.wait(10)
        return "ab"

    async with agent_of(plain).test() as t:
        run = await t.start("hi")
        await asyncio.sleep(0)  # the loop turns while the function blocks its thread
        go.set()
        assert (await t.service.wait(run)).status == "success"


async def test_a_handler_that_fails_tells_viewers_its_name_only_and_keeps_what_it_said() -> None:
    async def fails(ctx: Context) -> Any:
        yield "so far"
        raise ValueError("the password is 123")

    async with agent_of(fails).test() as t:
        end = failed(await t.run("hi", thread="x"))
        assert (end.code, end.message, end.status) == ("error", "the agent failed: ValueError", 500)
        assert [message.text for message in await t.messages("x")] == ["hi", "so far" + STREAM_INTERRUPTED]
        assert (await t.thread("x")).status == "error"
        assert [str(fault) for fault in t.faults] == ["the password is 123"]
        assert t.last is not None
        assert t.last.error is not None
        assert t.last.error.code == "error"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (GuardRejected("not this", status=403), "guard", 403),
        (Truncated("the provider broke off"), "upstream", 502),
        (NotFound("there is no file"), "not_found", 404),
    ],
)
async def test_an_error_of_ours_says_what_it_is(error: Exception, code: str, status: int) -> None:
    async def fails(ctx: Context) -> None:
        raise error

    async with agent_of(fails).test() as t:
        end = failed(await t.run("hi"))
        assert (end.code, end.status, end.message) == (code, status, str(error))
        assert not t.faults


async def test_a_cancel_closes_everything_and_keeps_what_was_said() -> None:
    async with agent_of(sleeps).test() as t:
        run = await t.start("hi", thread="x")
        async with aclosing(t.watch(run)) as events:
            seen = []
            async for event in events:
                seen.append(event)
                if isinstance(event, TextDelta):
                    await t.service.cancel(t.owner, run.id, "enough")
        end = finished(seen)
        assert (end.outcome, end.reason) == ("cancelled", "enough")
        assert [message.text for message in await t.messages("x")] == ["hi", "so far"]
        assert (await t.service.cancel(t.owner, run.id)).status == "cancelled"  # again: nothing happens


async def test_a_handler_that_swallows_its_cancellation_holds_up_nobody_and_writes_nothing_more() -> None:
    let_go = asyncio.Event()

    async def stubborn(ctx: Context) -> Any:
        yield "so far"
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                await ctx.write("never")
        await ctx.write("never")

    loop = asyncio.get_running_loop()
    async with agent_of(stubborn).test() as t:
        run = await t.start("hi")
        seen, cancelled_at = [], 0.0
        async with aclosing(t.watch(run)) as events:
            async for event in events:
                seen.append(event)
                if isinstance(event, TextDelta) and event.text == "so far":
                    cancelled_at = loop.time()
                    await t.service.cancel(t.owner, run.id)
        assert loop.time() - cancelled_at < 0.25
        assert finished(seen).outcome == "cancelled"
        after = await t.service.past(run, 0, 1000)
        let_go.set()
    assert [type_of(event) for event in after] == [type_of(event) for event in seen]
    assert len(asyncio.all_tasks()) == 1


async def test_a_handler_that_never_gives_in_is_named_when_the_server_stops() -> None:
    let_go = asyncio.Event()

    async def stubborn(ctx: Context) -> Any:
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()

    t = agent_of(stubborn).test()
    await t.service.open()
    run = await t.start("hi")
    while t.service.running[run.id].context is None:
        await asyncio.sleep(0)
    await t.service.close(timeout_s=0)
    assert [str(fault) for fault in t.faults] == [
        f"the handler of {run.id} swallows its cancellation and is still there"
    ]
    let_go.set()
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)


async def test_cancelling_takes_less_than_a_quarter_of_a_second_in_99_of_100() -> None:
    async def swallows(ctx: Context) -> Any:
        yield "x"
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(30)

    loop = asyncio.get_running_loop()
    took: list[float] = []
    async with agent_of(swallows).test() as t:

        async def one() -> None:
            run = await t.start("hi")
            async with aclosing(t.watch(run)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        began = loop.time()
                        await t.service.cancel(t.owner, run.id)
            took.append(loop.time() - began)

        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(one())
    assert sorted(took)[98] < 0.25
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("options", "script", "reason", "message"),
    [
        ({"timeout": 0.05}, ["so far", Wait(30)], "total", "streaming timeout after 0.05s"),
        ({"idle": 0.05}, ["so far", Wait(30)], "idle", "no chunk for 0.05s"),
        ({"ttft": 0.05}, [Wait(30)], "ttft", "no first chunk within 0.05s"),
    ],
)
async def test_each_clock_ends_the_run_and_keeps_what_was_said(
    options: dict[str, float], script: list[Any], reason: str, message: str
) -> None:
    async def handle(ctx: Context) -> Any:
        async for chunk in ctx.llm.stream(ctx.messages):
            yield chunk

    async with agent_of(handle, model="m", **options).test(llm=[script]) as t:
        end = finished(await t.run("hi", thread="x"))
        assert (end.outcome, end.reason, end.message) == ("timeout", reason, message)
        texts = [message.text for message in await t.messages("x") if message.role == "assistant"]
        assert texts == ["so far" + STREAM_INTERRUPTED] * ("so far" in script)
        assert t.models.open == 0


async def test_the_clock_of_silence_starts_again_at_every_piece() -> None:
    async def handle(ctx: Context) -> Any:
        async for chunk in ctx.llm.stream(ctx.messages):
            yield chunk

    script = [piece for _ in range(5) for piece in ("x", Wait(0.05))]
    async with agent_of(handle, model="m", idle=0.15, ttft=10).test(llm=[script]) as t:
        assert finished(await t.run("hi")).outcome == "success"


async def test_a_client_may_shorten_the_time_and_never_widen_it() -> None:
    async with agent_of(sleeps, timeout=0.05).test() as t:
        assert finished(await t.run("hi", timeout_s=60)).message == "streaming timeout after 0.05s"
    async with agent_of(sleeps, timeout=60).test() as t:
        assert finished(await t.run("hi", timeout_s=0.05)).message == "streaming timeout after 0.05s"


async def test_a_slow_viewer_holds_up_an_agent_that_blocks_until_its_time_is_up() -> None:
    written = 0

    async def handle(ctx: Context) -> Any:
        nonlocal written
        for _ in range(100):
            yield "x"
            written += 1

    async with agent_of(handle, buffer=10, buffer_timeout=0.1).test() as t:
        assert t.agent.backpressure == "block"
        run = await t.start("hi")
        async with aclosing(t.service.watch(run)) as batches:
            await anext(batches)  # and takes no more
            await t.service.running[run.id].over
        events = await t.service.past(run, 0, 1000)
    end = finished(events)
    assert (end.outcome, end.reason, end.message) == ("timeout", "buffer", "backpressure timeout")
    assert [type_of(event) for event in events].count("text.delta") == 8  # the eleventh event was one too many
    assert written == 7


async def test_without_viewers_or_with_quick_ones_nobody_is_held_up() -> None:
    async def handle(ctx: Context) -> Any:
        for _ in range(100):
            yield "x"

    async with agent_of(handle, buffer=10, buffer_timeout=5).test() as t:
        assert finished(await t.run("hi")).outcome == "success"
        run = await t.start("hi")
        await t.service.running[run.id].over


async def test_a_run_that_minds_ends_when_nobody_has_watched_for_a_while() -> None:
    async with agent_of(sleeps).test() as t:
        run = await t.start("hi", on_disconnect="cancel", linger_s=0.05)
        assert (await asyncio.wait({t.service.running[run.id].over}, timeout=5))[0]
        record = await t.service.run(t.owner, run.id)
        events = await t.service.past(run, 0, 100)
        assert (record.status, finished(events).reason) == ("cancelled", "nobody watches")


async def test_a_viewer_that_comes_back_in_time_keeps_it_alive() -> None:
    async with agent_of(sleeps).test() as t:
        run = await t.start("hi", on_disconnect="cancel", linger_s=0.2)
        for _ in range(3):
            async with aclosing(t.service.watch(run)) as batches:
                await anext(batches)
                async with asyncio.timeout(5):
                    await asyncio.sleep(0.15)
        assert run.id in t.service.running


async def test_what_a_handler_yields_that_is_nothing_fails_with_the_kinds_there_are() -> None:
    async def handle(ctx: Context) -> Any:
        yield 42

    async with agent_of(handle).test() as t:
        failed(await t.run("hi"))
        assert "yielded int; it may yield str" in str(t.faults[0])


async def test_a_second_reply_is_an_error_of_the_handler() -> None:
    async def handle(ctx: Context) -> None:
        await ctx.reply("one")
        await ctx.reply("two")

    async with agent_of(handle).test() as t:
        failed(await t.run("hi"))
        assert t.text == "one"
        assert "replied already" in str(t.faults[0])


async def test_state_is_kept_from_run_to_run_and_shown() -> None:
    async def handle(ctx: Context) -> str:
        ctx.state["seen"] = [*ctx.state.get("seen", []), ctx.text]
        return str(len(ctx.state["seen"]))

    async with agent_of(handle).test() as t:
        await t.run("a", thread="x")
        second = await t.run("b", thread="x")
        assert t.text == "2"
        states = [event for event in second if isinstance(event, StateSnapshot)]
        assert states[0].state == {"seen": ["a"]}
        await t.run("a", thread="other")
        assert t.text == "1"
        kept = await t.service.store.list_checkpoints(t.owner, "x")
        assert [one.state for one in kept] == [{"seen": ["a", "b"]}, {"seen": ["a"]}]
        assert kept[0].parent_id == kept[1].id
        await t.run("c", thread="x", checkpoint_id=kept[1].id)
        assert t.text == "2"


async def test_a_state_that_is_no_json_is_the_handlers_failure() -> None:
    async def handle(ctx: Context) -> str:
        ctx.state["x"] = object()
        return "said"

    async with agent_of(handle).test() as t:
        assert failed(await t.run("a", thread="x")).code == "error"
        assert await t.service.store.list_checkpoints(t.owner, "x") == []


async def test_settings_are_the_agents_own_type_or_refused_by_place() -> None:
    import msgspec

    class Settings(msgspec.Struct):
        tone: str = "kind"
        depth: int = 1

    async def handle(ctx: Context) -> str:
        return f"{ctx.settings.tone} {ctx.settings.depth}"

    async with agent_of(handle, settings=Settings).test() as t:
        await t.run("hi", settings={"depth": 3})
        assert t.text == "kind 3"
        with pytest.raises(BadRequest, match="settings: Expected `int`") as caught:
            await t.run("hi", settings={"depth": "deep"})
        assert caught.value.param == "settings.depth"


async def test_an_agent_takes_as_many_runs_as_it_may() -> None:
    async with agent_of(sleeps, max_concurrent=2).test() as t:
        await t.start("one")
        await t.start("two")
        with pytest.raises(Overloaded, match="agent 'one' has as many runs as it may"):
            await t.start("three")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"max_events": 20}, "the run has 20 events"),
        ({"max_event_bytes": 400}, "an event of"),
        ({"max_run_bytes": 4000}, "the run's events have 4000 bytes"),
    ],
)
async def test_a_run_that_writes_too_much_ends_as_failed(options: dict[str, int], what: str) -> None:
    async def handle(ctx: Context) -> Any:
        for _ in range(20):
            yield "x" * 50
        yield "y" * 500

    async with agent_of(handle, **options).test() as t:
        end = failed(await t.run("hi"))
        assert (end.code, end.status) == ("too_large", 500)
        assert end.message.startswith(what)


async def test_close_lets_runs_end_and_cancels_those_that_do_not() -> None:
    release = asyncio.Event()

    async def waits(ctx: Context) -> str:
        await release.wait()
        return "done"

    t = TestBench(agent_of(waits))
    await t.service.open()
    run = await t.start("hi")
    closing = asyncio.create_task(t.service.close(timeout_s=5))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await t.start("too late")
    release.set()
    await closing
    assert (await t.service.run(t.owner, run.id)).status == "success"

    t = TestBench(agent_of(sleeps))
    await t.service.open()
    run = await t.start("hi")
    await t.service.close(timeout_s=0.05)
    assert (await t.service.run(t.owner, run.id)).status == "cancelled"
    assert finished(await t.service.past(run, 0, 100)).reason == "the server is shutting down"
    assert len(asyncio.all_tasks()) == 1


async def test_hooks_run_around_the_service() -> None:
    agent = Agent("one")
    told: list[str] = []
    agent.before_start(lambda: told.append("start"))

    @agent.after_stop
    async def stopped() -> None:
        told.append("stop")

    async with agent.test():
        assert told == ["start"]
    assert told == ["start", "stop"]


async def test_the_model_is_a_script_that_streams_thinks_and_calls() -> None:
    async def handle(ctx: Context) -> Any:
        async for chunk in ctx.llm.stream(ctx.messages):
            yield chunk

    async with agent_of(handle, model="m").test(llm=[["Hi| there", Think("hm")], ["again"]]) as t:
        events = await t.run("hi", thread="x")
        kinds = [type_of(event) for event in events if "delta" in type_of(event)]
        assert kinds == ["text.delta", "text.delta", "reasoning.delta"]
        end = finished(events)
        assert end.usage == TokenUsage(input_tokens=1, output_tokens=3)
        assert (end.stats.chunks, end.stats.characters) == (2, 8)
        await t.run("more", thread="x")
        assert [message.text for message in t.models.asked[1].messages] == ["hi", "Hi there", "more"]


async def test_a_call_that_is_open_when_the_run_ends_has_failed() -> None:
    async def handle(ctx: Context) -> None:
        from sluice.runs.events import ToolInput, ToolStarted

        ctx.writer.put(ToolStarted, id="c", name="n", message_id=ctx.writer.message())
        ctx.writer.put(ToolInput, id="c", name="n", input={})

    async with agent_of(handle).test(llm=[[Call("n")]]) as t:
        events = await t.run("hi")
        finished(events)
        assert [event.error for event in events if isinstance(event, ToolFailed)] == ["success"]
