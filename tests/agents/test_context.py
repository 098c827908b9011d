"""What a handler may say: any order of its verbs, ended in any way, is a legal log that folds to what is kept."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.agents.model import Chunk
from sluice.agents.reply import Reply
from sluice.runs.events import (
    TERMINAL,
    Artifact,
    Attachment,
    Codec,
    Data,
    Event,
    File,
    RunFailed,
    RunFinished,
    TextDelta,
    type_of,
)
from sluice.runs.fold import Fold
from sluice.runs.messages import DataPart, FilePart, ReasoningPart, TextPart, said
from sluice.runs.order import Brackets

VERBS = (
    *("write", "write", "think", "step", "leave", "progress", "data", "source", "file", "artifact", "attach"),
    *("state", "checkpoint", "nap", "yield str", "yield chunk", "yield part", "yield reply", "yield message"),
)
ENDS = ("return", "raise", "interrupt", "cancel", "timeout", "exit")
PIECES: dict[str, Any] = {
    "yield str": "piece ",
    "yield chunk": Chunk(text="chunk ", reasoning="hm"),
    "yield part": FilePart(url="data:,x", media_type="text/plain"),
    "yield reply": Reply("reply ", parts=[TextPart(text="p"), DataPart(data=1), ReasoningPart(text="r")]),
    "yield message": said("message "),
}


async def do(ctx: Context, verb: str, open_steps: AsyncExitStack) -> None:
    match verb:
        case "write" | "think":
            await getattr(ctx, verb)("text ")
        case "step" | "leave":
            await (open_steps.enter_async_context(ctx.step("step")) if verb == "step" else open_steps.aclose())
        case "progress":
            await ctx.progress(0.5, "half")
        case "data":
            await ctx.data("name", {"a": 1})
        case "source":
            await ctx.source("https://x.test", title="X")
        case "file":
            await ctx.file("data:,x", "text/plain", name="x.txt")
        case "artifact":
            await ctx.artifact("x", TextPart(text="x"))
        case "attach":
            await ctx.attach("card", {"title": "x"}, note="n")
        case "state":
            ctx.state["count"] = ctx.state.get("count", 0) + 1
        case "checkpoint":
            await ctx.checkpoint()
        case "nap":
            await asyncio.sleep(0)


def agent_of(verbs: list[str], how: str) -> Agent:
    agent = Agent("any", timeout=0.02 if how == "timeout" else 5)

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        async with AsyncExitStack() as open_steps:
            for verb in verbs:
                await do(ctx, verb, open_steps)
                if verb in PIECES:
                    yield PIECES[verb]
            match how:
                case "raise":
                    raise ValueError("x")
                case "exit":
                    raise SystemExit(1)
                case "interrupt":
                    await ctx.interrupt("Go on?")
                case "cancel":
                    await ctx.data("cancel me", 1)
                    await asyncio.sleep(30)
                case "timeout":
                    await asyncio.sleep(30)

    return agent


async def ran(verbs: list[str], how: str) -> None:
    async with agent_of(verbs, how).test() as t:
        log: list[Event] = []
        async for event in t.stream("hi", thread="x"):
            log.append(event)
            if how == "cancel" and type_of(event) == "data" and event.name == "cancel me":
                await t.service.cancel(t.owner, event.run_id)
        brackets, fold = Brackets(), Fold()
        for event in log:
            brackets.step(event)
            fold.step(event)
        assert brackets.ended
        assert [isinstance(event, TERMINAL) for event in log].count(True) == 1
        outcomes = {"return": "success", "cancel": "cancelled"}
        end = log[-1]
        if how in ("raise", "exit"):
            assert isinstance(end, RunFailed)
        else:
            assert isinstance(end, RunFinished)
            assert end.outcome == outcomes.get(how, how)
        assert t.last is not None
        assert t.last.output == fold.messages()
        assert [message for message in await t.messages("x") if message.role != "user"] == list(fold.messages())
        assert t.last.last_seq == len(log)
    assert len(asyncio.all_tasks()) == 1


@settings(max_examples=60)
@given(st.lists(st.sampled_from(VERBS), max_size=12), st.sampled_from(ENDS))
def test_any_verbs_ended_in_any_way_make_a_legal_log_that_folds_to_what_is_kept(verbs: list[str], how: str) -> None:
    asyncio.run(ran(verbs, how))


WRONG: dict[str, Any] = {
    "text that is a number": lambda ctx: ctx.write(123),
    "text that is None": lambda ctx: ctx.write(None),
    "reasoning that is bytes": lambda ctx: ctx.think(b"abc"),
    "half an emoji": lambda ctx: ctx.write("\ud83d"),
    "progress in words": lambda ctx: ctx.progress("half"),
    "a source without a title": lambda ctx: ctx.source("https://x.test", title=None),
    "a file of no type": lambda ctx: ctx.file("data:,x", None),
    "an artifact of numbers": lambda ctx: ctx.artifact("report", 5),
    "an attachment of no kind": lambda ctx: ctx.attach(None, {}),
    "data that JSON has no word for": lambda ctx: ctx.data("x", object()),
    "data that never ends": lambda ctx: ctx.data("x", _endless()),
    "a reply that is a number": lambda ctx: ctx.reply(5),
}


def _endless() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize("what", WRONG)
async def test_what_no_event_can_hold_is_the_handlers_failure_and_the_log_stays_readable(what: str) -> None:
    agent = Agent("one")

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        yield "before"
        await WRONG[what](ctx)
        yield "behind"

    async with agent.test() as t, asyncio.timeout(5):
        log = await t.run("hi")
        assert t.last is not None
        kept = [Codec.decode(data) for data in await t.service.store.read(t.last.id, 0, 100)]
        assert len(t.faults) == 1
    assert kept == log
    assert isinstance(log[-1], RunFailed)
    assert [event.text for event in log if isinstance(event, TextDelta)] == ["before"]


async def test_a_viewer_here_and_one_who_reads_the_store_see_the_same() -> None:
    agent = Agent("one")

    @agent.on_message
    async def handle(ctx: Context) -> None:
        await ctx.data("odd", {1: {"a"}, "t": (1, 2), "n": float("nan"), "b": b"abc"}, id=None)
        await ctx.artifact("report", "a text", TextPart(text="and another"))

    async with agent.test() as t:
        log = await t.run("hi")
        assert t.last is not None
        kept = [Codec.decode(data) for data in await t.service.store.read(t.last.id, 0, 100)]
    assert kept == log
    told = [event for event in log if isinstance(event, Data | Artifact)]
    assert [type_of(event) for event in told] == ["data", "artifact"]
    assert told[0].value == {"1": ["a"], "t": [1, 2], "n": None, "b": "YWJj"}  # type: ignore[union-attr]


async def test_every_is_true_when_so_much_time_or_so_many_words_have_passed() -> None:
    agent = Agent("one")
    due: list[int] = []
    timed: list[bool] = []

    @agent.on_message
    async def handle(ctx: Context) -> None:
        timed.append(ctx.every(seconds=0.02))
        await asyncio.sleep(0.03)
        timed.extend([ctx.every(seconds=0.02), ctx.every(seconds=0.02)])
        for number in range(1, 26):
            await ctx.write("word ")
            if ctx.every(words=10):
                due.append(number)

    async with agent.test() as t:
        await t.run("hi")
        assert not t.faults
    assert due == [10, 20]
    assert timed == [False, True, False]


async def test_what_a_reply_holds_is_said_in_its_order() -> None:
    agent = Agent("one")

    @agent.on_message
    async def handle(ctx: Context) -> Reply:
        file = FilePart(url="data:,x", media_type="text/plain")
        return Reply("text", parts=[file], attachments=[{"type": "card", "value": 1, "metadata": {"a": 2}}])

    async with agent.test() as t:
        events = await t.run("hi")
    told = [event for event in events if isinstance(event, TextDelta | File | Attachment)]
    assert [type_of(event) for event in told] == ["text.delta", "file", "attachment"]
    assert isinstance(told[2], Attachment)
    assert (told[2].kind, told[2].value, told[2].metadata) == ("card", 1, {"a": 2})


async def test_values_of_the_store_are_the_users_own() -> None:
    agent = Agent("one")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        if ctx.text:
            await ctx.store.store("notes", "a", ctx.text, ttl=60)
            await ctx.store.store(("notes", "deep"), "b", 2)
        have = await ctx.store.list("notes")
        return f"{await ctx.store.get('notes', 'a')} {sorted(have)} {await ctx.store.exists('notes', 'x')}"

    async with agent.test() as t:
        await t.run("hello")
        assert t.text == "hello ['a', 'b'] False"
        await t.run("", owner="another")
        assert t.text == "None [] False"
