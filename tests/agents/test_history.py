"""What a thread keeps of runs that ask people: each call once, and the message that answered."""

import asyncio

from sluice import Agent, Context
from sluice.agents.asked import Answer
from sluice.agents.history import first_said
from sluice.agents.mock import Call, Script
from sluice.runs.messages import Message, TextPart, ToolCallPart, ToolResultPart, said
from sluice.stores.runs_memory import MemoryRuns
from tests.agents.test_service import Worker, killed, now, read

TWO: Script = [["Let me see. ", Call("pay", {"n": 1}, id="a"), Call("pay", {"n": 2}, id="b")], ["Done."]]


def shop() -> Agent:
    agent = Agent("shop")

    @agent.tool(approve=True)
    async def pay(n: int) -> str:
        """Pay."""
        return f"paid {n}"

    return agent


def calls(messages: list[Message]) -> list[str]:
    return [part.id for message in messages for part in message.parts if isinstance(part, ToolCallPart)]


def results(messages: list[Message]) -> list[tuple[str, str]]:
    parts = [part for message in messages for part in message.parts if isinstance(part, ToolResultPart)]
    return [(part.id, part.output) for part in parts]


def test_a_call_that_was_made_before_is_left_out_and_with_it_a_message_of_nothing_else() -> None:
    call, other = ToolCallPart(id="a", name="pay"), ToolCallPart(id="b", name="pay")
    first = Message(role="assistant", parts=(call,), id="m1")
    again = Message(role="assistant", parts=(call,), id="m2")
    more = Message(role="assistant", parts=(TextPart(text="and"), call, other), id="m3")
    assert first_said([again, more], [first]) == (
        Message(role="assistant", parts=(TextPart(text="and"), other), id="m3"),
    )
    assert first_said([first, more], []) == (first, more)


async def test_two_approvals_given_one_by_one_leave_each_call_and_each_result_once() -> None:
    async with shop().test(llm=TWO) as t:
        await t.run("pay", thread="x")
        asked = t.last
        assert asked is not None
        first, second = (question.id for question in asked.interrupts)
        await t.answer(True, thread="x", id=second)
        await t.answer(True, thread="x", id=first)
        messages = await t.messages("x")
    assert calls(messages) == ["a", "b"]
    assert results(messages) == [("b", "paid 2"), ("a", "paid 1")]
    assert [message.text for message in messages if message.role == "assistant"] == ["Let me see. ", "Done."]


async def test_a_resumed_run_whose_worker_died_leaves_the_call_once_too() -> None:
    store, started = MemoryRuns(now), asyncio.Event()
    agent = Agent("hanging")

    @agent.tool(approve=True, timeout=None)
    async def hang() -> None:
        """Wait for ever."""
        started.set()
        await asyncio.Event().wait()

    async with Worker(store, agent, llm=[["Let me see. ", Call("hang", {}, id="a")]]) as first:
        await first.run("go", thread="x")
        run = await first.start(thread="x", answers={"*": Answer(value=True)})
        async with asyncio.timeout(5):
            await started.wait()
        await killed(first, run)
        async with Worker(store, agent) as second:
            await read(second, run)
            messages = await second.messages("x")
    assert calls(messages) == ["a"]
    assert messages[-1].role == "tool"


def asking() -> Agent:
    agent = Agent("asking")

    @agent.on_message
    async def handle(ctx: Context) -> str:
        if ctx.text == "what was said?":
            return " | ".join(message.text for message in ctx.messages)
        await ctx.write("I need to know. ")
        colour = await ctx.interrupt("Which colour?")
        return f"So {colour}, after {len(ctx.messages)} message."

    return agent


async def test_a_message_that_answers_is_kept_behind_the_question_and_the_handler_sees_what_it_saw() -> None:
    async with asking().test() as t:
        await t.run("go", thread="x")
        await t.answer("red", thread="x", input=(said("red", id="u2"),))
        texts = [message.text for message in await t.messages("x")]
        assert texts == ["go", "I need to know. ", "red", "So red, after 1 message."]
        await t.run("what was said?", thread="x")
        assert t.text == "go | I need to know.  | red | So red, after 1 message. | what was said?"


async def test_a_run_that_is_rolled_back_takes_the_message_that_answered_with_it() -> None:
    agent, heard = Agent("asking"), asyncio.Event()

    @agent.on_message
    async def handle(ctx: Context) -> None:
        if ctx.text == "other":
            return
        await ctx.interrupt("Which colour?")
        heard.set()
        await asyncio.Event().wait()

    async with agent.test() as t:
        await t.run("go", thread="x")
        await t.start(thread="x", input=(said("red", id="u2"),), answers={"*": Answer(value="red")})
        async with asyncio.timeout(5):
            await heard.wait()
        assert [message.text for message in await t.messages("x")] == ["go", "red"]
        await t.run("other", thread="x", multitask="rollback")
        assert [message.text for message in await t.messages("x")] == ["other"]
