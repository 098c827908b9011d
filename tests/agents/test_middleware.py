"""The middleware that comes with the house: each streams, each keeps to its principal."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from sluice.agents.agent import Agent, Call, Middleware
from sluice.agents.context import Context
from sluice.agents.middleware import (
    cache,
    content_filter,
    log,
    metadata,
    rate_limit,
    recover,
    request_id,
    timeout,
    timer,
    validate,
)
from sluice.agents.mock import Think
from sluice.runs.events import Data, Event, ReasoningDelta, RunFailed, RunFinished, TextDelta
from sluice.testing.bench import TestBench


def bench(*around: Middleware, pieces: Sequence[Any] = ("a", "b"), error: Exception | None = None) -> TestBench:
    agent = Agent("one", model="m")

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        for piece in pieces:
            yield piece
        if error is not None:
            raise error

    for one in around:
        agent.use(one)
    made: TestBench = agent.test()
    return made


def texts(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextDelta)]


def failure(events: Sequence[Event]) -> tuple[str, int]:
    end = events[-1]
    assert isinstance(end, RunFailed)
    return end.code, end.status


async def test_the_first_added_is_the_outermost_and_a_piece_is_not_held_up() -> None:
    told: list[str] = []

    def mark(name: str) -> Middleware:
        async def run(ctx: Context, call: Call) -> Any:
            async for piece in call(ctx):
                told.append(f"{name}{piece}")
                yield piece

        return run

    async with bench(mark("outer "), mark("inner ")) as t:
        await t.run("hi")
    assert told == ["inner a", "outer a", "inner b", "outer b"]


async def test_recover_answers_behind_what_was_said_and_lets_our_errors_pass() -> None:
    async with bench(recover("sorry"), error=ValueError("x")) as t:
        assert texts(await t.run("hi")) == ["a", "b", "sorry"]
    async with bench(recover("sorry"), validate(lambda ctx: "no")) as t:
        assert failure(await t.run("hi")) == ("invalid_request_body", 400)


async def test_log_says_who_and_how_much_and_never_what(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sluice.agents"):
        async with bench(log(), pieces=["the answer"]) as t:
            await t.run("the question")
        async with bench(log(), error=ValueError("the password")) as t:
            await t.run("the question")
    lines = [record.getMessage() for record in caplog.records]
    assert "ended after" in lines[1]
    assert "1 chunks, 10 characters" in lines[1]
    assert "failed (ValueError)" in lines[3]
    assert not any(word in line for line in lines for word in ("question", "answer", "password"))


async def test_request_id_metadata_and_timer_say_what_they_know() -> None:
    async with bench(request_id(), timer(), metadata(team="red")) as t:
        events = await t.run("hi", request_id="r-1")
        said = {event.name: event.value for event in events if isinstance(event, Data)}
        assert said["request_id"] == "r-1"
        assert 0 <= said["processing_time_ms"] < 5000
        assert t.last is not None
        assert t.last.metadata == {"request_id": "r-1", "team": "red"}


@pytest.mark.parametrize(
    ("around", "message", "what"),
    [
        (validate(), " ", "the message is empty"),
        (validate(max_characters=3), "four", "the message is longer than 3 characters"),
        (validate(lambda ctx: "no numbers" if ctx.text.isdigit() else None), "12", "no numbers"),
        (validate(lambda ctx: not ctx.text.isdigit()), "12", "the message is not allowed"),
    ],
)
async def test_validate_refuses_before_the_handler_sees_it(around: Middleware, message: str, what: str) -> None:
    async with bench(around) as t:
        end = (await t.run(message))[-1]
        assert isinstance(end, RunFailed)
        assert (end.message, end.status) == (what, 400)
        assert isinstance((await t.run("abc"))[-1], RunFinished)


async def test_rate_limit_counts_each_principal_by_itself() -> None:
    async with bench(rate_limit(2, per=60)) as t:
        for _ in range(2):
            assert texts(await t.run("hi")) == ["a", "b"]
        assert failure(await t.run("hi")) == ("rate_limited", 429)
        assert texts(await t.run("hi", owner="another")) == ["a", "b"]


async def test_rate_limit_opens_again_when_the_window_has_passed() -> None:
    async with bench(rate_limit(1, per=0.05)) as t:
        await t.run("hi")
        assert failure(await t.run("hi")) == ("rate_limited", 429)
        async with asyncio.timeout(5):
            while isinstance((await t.run("hi"))[-1], RunFailed):
                await asyncio.sleep(0.01)


async def test_timeout_ends_the_handler_and_keeps_what_it_said() -> None:
    agent = Agent("one")
    closed: list[bool] = []

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        try:
            yield "so far"
            await asyncio.sleep(30)
        finally:
            closed.append(True)

    agent.use(timeout(0.05))
    async with agent.test() as t:
        events = await t.run("hi")
        end = events[-1]
        assert isinstance(end, RunFinished)
        assert (end.outcome, end.message, texts(events)) == ("timeout", "streaming timeout after 0.05s", ["so far"])
    assert closed == [True]


@pytest.mark.parametrize("cut", range(1, 12))
async def test_a_filter_finds_what_is_cut_anywhere(cut: int) -> None:
    text = "x" * 300 + "my secret is" + "y" * 300
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    async with bench(content_filter([r"secret"], window=20), pieces=pieces) as t:
        await t.run("hi")
        assert t.text == text.replace("secret", "[filtered]")
    async with bench(content_filter([r"secret"], window=20, refuse=True), pieces=pieces) as t:
        events = await t.run("hi")
        assert failure(events) == ("guard", 403)
        assert "secret" not in t.text
        assert "se" not in t.text


async def test_a_filter_lets_reasoning_and_other_pieces_through() -> None:
    agent = Agent("one", model="m")

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        async for chunk in ctx.llm.stream(ctx.messages):
            yield chunk

    agent.use(content_filter(["bad"]))
    async with agent.test(llm=[[Think("hm"), "a bad| word"]]) as t:
        events = await t.run("hi")
        assert t.text == "a [filtered] word"
        assert [event.text for event in events if isinstance(event, ReasoningDelta)] == ["hm"]


async def test_a_cached_answer_is_streamed_again_to_the_same_principal_only() -> None:
    asked = 0
    agent = Agent("one")

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        nonlocal asked
        asked += 1
        yield "a"
        yield "b"

    agent.use(cache(ttl=60))
    async with agent.test() as t:
        assert texts(await t.run("hi")) == texts(await t.run("hi")) == ["a", "b"]
        assert asked == 1
        await t.run("ho")
        await t.run("hi", owner="another")
        assert asked == 3


async def test_what_failed_is_not_cached() -> None:
    async with bench(cache(), error=ValueError("x")) as t:
        await t.run("hi")
        assert isinstance((await t.run("hi"))[-1], RunFailed)
