"""Questions to people: the run ends, another goes on with the answer."""

from collections.abc import Sequence
from typing import Any

import pytest

from sluice.agents.agent import Agent
from sluice.agents.asked import Answer
from sluice.agents.context import Context
from sluice.agents.interrupts import InterruptCancelled, answers_to
from sluice.agents.reply import Reply
from sluice.errors import BadRequest, Conflict
from sluice.runs.events import (
    Event,
    InterruptRequested,
    InterruptResolved,
    RunFinished,
    StatePatch,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolInput,
    ToolOutput,
    ToolStarted,
    type_of,
)
from sluice.runs.order import Brackets


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end_of(events: Sequence[Event]) -> RunFinished:
    end = events[-1]
    assert isinstance(end, RunFinished)
    brackets = Brackets()
    for event in events:
        brackets.step(event)
    return end


def asking() -> Agent:
    agent = Agent("asking")

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        yield f"About {ctx.text}. "
        first = await ctx.interrupt("First?", schema={"type": "string"})
        yield f"You said {first}. "
        second = await ctx.interrupt({"ask": "Second?"})
        yield f"And {second}."

    return agent


async def test_a_question_ends_the_run_and_the_answer_goes_on_behind_it() -> None:
    async with asking().test() as t:
        asked = await t.run("cats", thread="x")
        assert text_of(asked) == "About cats. "
        assert end_of(asked).outcome == "interrupt"
        question = next(event for event in asked if isinstance(event, InterruptRequested))
        assert (question.question, question.schema) == ("First?", {"type": "string"})
        assert (await t.thread("x")).status == "interrupted"

        once = await t.answer("yes", thread="x")
        assert [type_of(event) for event in once[:2]] == ["run.started", "interrupt.resolved"]
        resolved = once[1]
        assert isinstance(resolved, InterruptResolved)
        assert (resolved.id, resolved.status, resolved.value) == (question.id, "resolved", "yes")
        assert once[0].resumes == asked[0].run_id
        assert text_of(once) == "You said yes. "
        assert end_of(once).outcome == "interrupt"

        twice = await t.answer("no", thread="x")
        assert text_of(twice) == "And no."
        assert end_of(twice).outcome == "success"
        assert (await t.thread("x")).status == "idle"
        said = [(message.role, message.text) for message in await t.messages("x")]
        assert said == [
            ("user", "cats"),
            ("assistant", "About cats. "),
            ("assistant", "You said yes. "),
            ("assistant", "And no."),
        ]
        assert not t.faults


async def test_the_handler_sees_each_time_what_it_saw_first() -> None:
    agent = Agent("asking")
    seen: list[tuple[str, list[str], int]] = []

    @agent.on_message
    async def handle(ctx: Context) -> Any:
        seen.append((ctx.text, [message.text for message in ctx.messages], ctx.state.get("count", 0)))
        ctx.state["count"] = ctx.state.get("count", 0) + 1
        yield "hm "
        if ctx.text == "two":
            yield await ctx.interrupt("Sure?")

    async with agent.test() as t:
        await t.run("one", thread="x")
        await t.run("two", thread="x")
        resumed = await t.answer("ok", thread="x")
    assert seen[1] == seen[2] == ("two", ["one", "hm ", "two"], 1)
    patches = [event.patch for event in resumed if isinstance(event, StatePatch)]
    assert patches == [({"op": "replace", "path": "/count", "value": 2},)]


async def test_an_answer_by_id_an_answer_to_nothing_and_a_second_answer() -> None:
    async with asking().test() as t:
        await t.run("cats", thread="x")
        assert t.last is not None
        (question,) = t.last.interrupts
        with pytest.raises(BadRequest, match=f"no open question 'other'; there are {question.id}"):
            await t.answer("yes", thread="x", id="other")
        asked_by = t.last.id
        run = await t.service.resume(t.owner, asked_by, {question.id: Answer(value="yes")})
        await t.service.wait(run)
        with pytest.raises(Conflict):
            await t.service.resume(t.owner, asked_by, {question.id: Answer(value="no")})


async def test_of_two_that_answer_at_once_one_goes_on() -> None:
    async with asking().test() as t:
        await t.run("cats", thread="x")
        await t.start(thread="x", answers={"*": Answer(value="a")})
        with pytest.raises(Conflict):
            await t.start(thread="x", answers={"*": Answer(value="b")})


async def test_a_thread_that_asks_nothing_takes_no_answer() -> None:
    async with asking().test() as t:
        with pytest.raises(Exception, match="there is no thread 'y'"):
            await t.answer("yes", thread="y")
        await t.run("cats", thread="x")
        await t.run("dogs", thread="x")  # a new message leaves the old question behind
        assert t.last is not None
        assert text_of(await t.answer("yes", thread="x")) == "You said yes. "


async def test_a_question_nobody_will_answer_ends_the_run_as_cancelled_unless_the_handler_minds() -> None:
    agent = Agent("asking")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        try:
            return str(await ctx.interrupt("Sure?"))
        except InterruptCancelled:
            if ctx.text == "mind":
                return "then not"
            raise

    async with agent.test() as t:
        await t.run("mind", thread="x")
        assert text_of(await t.decline(thread="x")) == "then not"
        await t.run("let it pass", thread="x")
        end = end_of(await t.decline(thread="x"))
        assert (end.outcome, end.reason) == ("cancelled", "the question was not answered")
        assert not t.faults


def question(id: str, expires_at: int | None = None) -> InterruptRequested:  # noqa: A002 - the field's name
    return InterruptRequested(seq=1, run_id="r", thread_id="t", ts=1, id=id, question="?", expires_at=expires_at)


def test_a_star_answers_the_first_that_has_no_answer_of_its_own() -> None:
    given = answers_to([question("a"), question("b")], {"a": Answer(value=1), "*": Answer(value=2)}, 0)
    assert {key: answer.value for key, answer in given.items()} == {"a": 1, "b": 2}


def test_an_answer_that_comes_too_late_is_a_conflict() -> None:
    assert answers_to([question("a", 1000)], {"a": Answer()}, 999)
    with pytest.raises(Conflict, match="the time to answer 'a' has passed"):
        answers_to([question("a", 1000)], {"*": Answer()}, 1000)


async def test_a_step_that_waits_for_an_answer_is_entered_again_and_what_it_said_is_not() -> None:
    agent = Agent("asking")

    @agent.on_message
    async def handle(ctx: Context) -> None:
        async with ctx.step("before"):
            await ctx.write("never again ")
        async with ctx.step("inside"):
            await ctx.data("note", 1)
            await ctx.interrupt("Sure?")
            await ctx.write("behind")

    async with agent.test() as t:
        end_of(await t.run("go", thread="x"))
        resumed = await t.answer(True, thread="x")
    end_of(resumed)
    assert text_of(resumed) == "behind"
    names = [event.name for event in resumed if isinstance(event, StepStarted | StepFinished)]
    assert names == ["inside", "inside"]


async def test_a_call_that_waits_for_an_answer_stays_open_and_is_announced_again() -> None:
    agent = Agent("asking")

    @agent.on_message
    async def handle(ctx: Context) -> None:
        pen = ctx.writer
        await ctx.write("Let me see.")
        pen.close_block()
        pen.put(ToolStarted, id="c1", name="buy", message_id=pen.message())
        pen.put(ToolInput, id="c1", name="buy", input={"n": 1})
        pen.close_message("tool_calls")
        pen.put(ToolOutput, id="c1", output=await ctx.interrupt("Buy?"))
        await ctx.write("Done.")

    async with agent.test() as t:
        asked = await t.run("go", thread="x")
        assert [type_of(event) for event in asked if "tool" in type_of(event)] == ["tool.started", "tool.input"]
        resumed = await t.answer("bought", thread="x")
        end_of(resumed)
        kinds = [type_of(event) for event in resumed if "tool" in type_of(event)]
        assert kinds == ["tool.started", "tool.input", "tool.output"]
        said = [message.text for message in await t.messages("x") if message.role == "assistant"]
        assert said == ["Let me see.", "Done."]


async def test_a_run_without_a_thread_goes_on_by_its_id() -> None:
    async with asking().test() as t:
        await t.run("cats")
        assert t.last is not None
        run = await t.service.resume(t.owner, t.last.id, {"*": Answer(value="yes")})
        await t.service.wait(run)
        assert (await t.service.run(t.owner, run.id)).output[0].text == "You said yes. "


async def test_a_question_in_a_task_group_ends_the_run_too() -> None:
    import asyncio

    agent = Agent("asking")

    @agent.on_message
    async def handle(ctx: Context) -> Reply:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(ctx.interrupt("Sure?"))
        return Reply(str(asked.result()))

    async with agent.test() as t:
        assert end_of(await t.run("go", thread="x")).outcome == "interrupt"
        assert text_of(await t.answer("yes", thread="x")) == "yes"
