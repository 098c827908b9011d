"""The tool loop: what a run's log says of it, what the model is told, and what a person is asked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sluice.agents.agent import Agent
from sluice.agents.history import whole
from sluice.agents.mock import Call, MockModels, Think, Wait
from sluice.agents.model import Chunk, ToolCallDelta
from sluice.agents.tools import ToolError
from sluice.runs.events import (
    Event,
    InterruptRequested,
    RunFailed,
    RunFinished,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolOutputDelta,
    ToolStarted,
    type_of,
)
from sluice.runs.messages import TextPart, ToolCallPart, ToolResultPart


def calculating() -> Agent:
    agent = Agent("sums", model="m")

    @agent.tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    return agent


def of(events: list[Event], *kinds: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kinds)]


async def test_a_call_is_carried_out_and_its_result_told_to_the_model() -> None:
    script = [["Let me see.", Call("add", {"a": 1, "b": 2})], ["It is 3."]]
    async with calculating().test(llm=script) as t:
        events = await t.run("1+2?")
        assert t.text == "Let me see.It is 3."
        told = t.models.asked[1].messages
    assert [type_of(event) for event in events if type_of(event) not in ("usage", "text.delta")] == [
        "run.started",
        "message.started",
        "text.started",
        "text.finished",
        "tool.started",
        "tool.input.delta",
        "tool.input.delta",
        "tool.input",
        "message.finished",
        "tool.output",
        "message.started",
        "text.started",
        "text.finished",
        "message.finished",
        "run.finished",
    ]
    assert of(events, ToolOutput)[0].output == 3
    assert [message.role for message in told] == ["user", "assistant", "tool"]
    assert told[2].parts == (ToolResultPart(id="call-1", output=3),)
    assert [tool.name for tool in t.models.asked[0].tools] == ["add"]


async def test_interleaved_calls_keep_their_ids() -> None:
    pieces = [
        Chunk(tool_calls=(ToolCallDelta(index=0, id="x", name="add", arguments='{"a":1,'),)),
        Chunk(tool_calls=(ToolCallDelta(index=1, id="y", name="add", arguments='{"a":10,'),)),
        Chunk(tool_calls=(ToolCallDelta(index=0, arguments='"b":2}'), ToolCallDelta(index=1, arguments='"b":20}'))),
    ]
    async with calculating().test(llm=[pieces, ["done"]]) as t:
        events = await t.run("go")
    inputs = {event.id: event.input for event in of(events, ToolInput)}
    assert inputs == {"x": {"a": 1, "b": 2}, "y": {"a": 10, "b": 20}}
    assert {event.id: event.output for event in of(events, ToolOutput)} == {"x": 3, "y": 30}
    deltas = {"x": "", "y": ""}
    for event in of(events, ToolInputDelta):
        deltas[event.id] += event.text
    assert deltas == {"x": '{"a":1,"b":2}', "y": '{"a":10,"b":20}'}


async def test_calls_of_one_answer_run_at_the_same_time() -> None:
    agent = Agent("both", model="m")
    met = asyncio.Barrier(2)

    @agent.tool
    async def meet(name: str) -> str:
        await met.wait()
        return name

    script = [[Call("meet", {"name": "a"}), Call("meet", {"name": "b"})], ["ok"]]
    async with agent.test(llm=script) as t:
        events = await t.run("go")
    assert sorted(event.output for event in of(events, ToolOutput)) == ["a", "b"]


async def test_what_a_tool_yields_is_progress_and_the_last_its_result() -> None:
    agent = Agent("slow", model="m")

    @agent.tool
    async def count(to: int) -> AsyncIterator[int]:
        for number in range(1, to + 1):
            yield number

    async with agent.test(llm=[[Call("count", {"to": 3})], ["ok"]]) as t:
        events = await t.run("go")
    assert [event.output for event in of(events, ToolOutputDelta)] == [1, 2, 3]
    assert of(events, ToolOutput)[0].output == 3


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (Call("add", {"a": "x", "b": 1}), "wrong arguments"),
        (Call("add", "no json"), "no JSON object"),
        (Call("fly", {}), "there is no tool 'fly'; there are add"),
    ],
)
async def test_a_wrong_call_is_told_to_the_model_which_may_do_better(call: Call, error: str) -> None:
    async with calculating().test(llm=[[call], ["sorry"]]) as t:
        events = await t.run("go")
        told = t.models.asked[1].messages[-1].parts[0]
    assert error in of(events, ToolFailed)[0].error
    assert error in told.error
    assert of(events, RunFinished)[0].outcome == "success"


async def test_a_tool_that_raises_fails_alone() -> None:
    agent = calculating()

    @agent.tool
    def fail() -> None:
        raise ToolError("no such order")

    async with agent.test(llm=[[Call("fail"), Call("add", {"a": 1, "b": 1})], ["ok"]]) as t:
        events = await t.run("go")
    assert [event.error for event in of(events, ToolFailed)] == ["no such order"]
    assert [event.output for event in of(events, ToolOutput)] == [2]


async def test_a_model_that_never_stops_calling_ends_the_run_as_recursion() -> None:
    agent = Agent("loop", model="m", max_steps=3)

    @agent.tool
    def again() -> str:
        return "again"

    async with agent.test(llm=[[Call("again")]]) as t:
        events = await t.run("go")
        assert len(t.models.asked) == 3
    assert of(events, RunFailed)[0].code == "recursion"


async def test_ids_that_a_server_uses_again_are_told_apart() -> None:
    async with calculating().test(
        llm=[[Call("add", {"a": 1, "b": 1}, id="c")], [Call("add", {"a": 2, "b": 2}, id="c")], ["ok"]]
    ) as t:
        events = await t.run("go")
    assert [event.id for event in of(events, ToolStarted)] == ["c", "c-2"]


async def test_reasoning_is_said_before_the_call_it_led_to() -> None:
    async with calculating().test(llm=[[Think("hm"), Call("add", {"a": 1, "b": 1})], ["2"]]) as t:
        kinds = [type_of(event) for event in await t.run("go")]
    assert kinds.index("reasoning.finished") < kinds.index("tool.started")


async def test_a_result_that_json_has_no_word_for_is_its_text() -> None:
    agent = Agent("odd", model="m")

    @agent.tool
    def odd() -> object:
        return {"what": complex(1, 2)}

    async with agent.test(llm=[[Call("odd")], ["ok"]]) as t:
        events = await t.run("go")
    assert of(events, ToolOutput)[0].output == {"what": "(1+2j)"}


async def test_cancelling_a_run_cancels_its_tools_and_closes_its_calls() -> None:
    agent, started, ended = Agent("stuck", model="m"), asyncio.Event(), asyncio.Event()

    @agent.tool
    async def stuck() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with agent.test(llm=[[Call("stuck")]]) as t:
        run = await t.start("go")
        await started.wait()
        await t.service.cancel(run.owner, run.id)
        events = [event async for event in t.watch(run)]
        async with asyncio.timeout(5):
            await ended.wait()
    assert of(events, RunFinished)[0].outcome == "cancelled"
    assert len(of(events, ToolFailed)) == 1


async def test_cancelling_a_run_closes_the_models_answer() -> None:
    async with Agent("slow", model="m").test(llm=[["one", Wait(1000), "two"]]) as t:
        run = await t.start("go")
        async for event in t.watch(run):
            if type_of(event) == "text.delta":
                assert t.models.open == 1
                await t.service.cancel(run.owner, run.id)
        assert t.models.open == 0


# -- approval ---------------------------------------------------------------------------------------------------------


def careful(done: list[Any]) -> Agent:
    agent = calculating()

    @agent.tool(approve=True)  # type: ignore[untyped-decorator]  # it takes any function
    def pay(euros: int) -> str:
        done.append(euros)
        return f"paid {euros}"

    return agent


PAYING = [["I shall pay.", Call("pay", {"euros": 5}, id="p")], ["Paid."]]


async def test_a_call_that_needs_a_person_waits_and_the_model_is_not_asked_again() -> None:
    done: list[Any] = []
    async with careful(done).test(llm=PAYING) as t:
        asked = await t.run("pay", thread="t")
        question = of(asked, InterruptRequested)[0]
        assert (question.reason, question.tool_id, question.question["input"]) == ("approval", "p", {"euros": 5})
        assert of(asked, RunFinished)[0].outcome == "interrupt"
        assert (done, len(t.models.asked)) == ([], 1)
        events = await t.answer(True, thread="t")
        assert (done, len(t.models.asked)) == ([5], 2)
        assert [event.output for event in of(events, ToolOutput)] == ["paid 5"]
        assert t.text == "Paid."
        told = t.models.asked[1].messages
        assert told[-1].parts == (ToolResultPart(id="p", output="paid 5"),)
        parts = [part for message in whole(await t.messages("t")) for part in message.parts]
    assert [type(part) for part in parts] == [TextPart, TextPart, ToolCallPart, ToolResultPart, TextPart]


@pytest.mark.parametrize("answer", [False, {"approved": False, "reason": "too dear"}, "no", None, 1])
async def test_what_a_person_does_not_clearly_allow_is_not_done_and_the_model_hears_it(answer: object) -> None:
    done: list[Any] = []
    async with careful(done).test(llm=PAYING) as t:
        await t.run("pay", thread="t")
        events = await t.answer(answer, thread="t")
        told = t.models.asked[1].messages[-1].parts[0]
    assert done == []
    assert (
        of(events, ToolFailed)[0].error
        == told.error
        == ("too dear" if isinstance(answer, dict) else "a person did not allow it")
    )


async def test_a_question_that_is_declined_is_a_no() -> None:
    done: list[Any] = []
    async with careful(done).test(llm=PAYING) as t:
        await t.run("pay", thread="t")
        await t.decline(thread="t")
    assert done == []


async def test_a_person_may_change_the_arguments() -> None:
    done: list[Any] = []
    async with careful(done).test(llm=PAYING) as t:
        await t.run("pay", thread="t")
        await t.answer({"approved": True, "input": {"euros": 3}}, thread="t")
    assert done == [3]


async def test_other_calls_of_the_same_answer_do_not_wait_and_are_not_done_twice() -> None:
    done: list[Any] = []
    agent = careful(done)
    added: list[int] = []

    @agent.tool
    def note(number: int) -> str:
        added.append(number)
        return "noted"

    script = [[Call("note", {"number": 1}), Call("pay", {"euros": 5})], ["Paid."]]
    async with agent.test(llm=script) as t:
        first = await t.run("pay", thread="t")
        assert [event.output for event in of(first, ToolOutput)] == ["noted"]
        await t.answer("approve", thread="t")
    assert (done, added) == ([5], [1])


async def test_each_approval_answers_its_own_call_only() -> None:
    done: list[Any] = []
    script = [[Call("pay", {"euros": 1})], [Call("pay", {"euros": 2})], ["Both."]]
    async with careful(done).test(llm=script) as t:
        await t.run("pay", thread="t")
        second = await t.answer(True, thread="t")
        assert of(second, RunFinished)[0].outcome == "interrupt"
        assert done == [1]
        last = await t.answer(False, thread="t")
        assert of(last, RunFinished)[0].outcome == "success"
        assert len(t.models.asked) == 3
    assert done == [1]


async def test_two_approvals_of_one_answer_may_come_one_by_one() -> None:
    done: list[Any] = []
    script = [[Call("pay", {"euros": 1}), Call("pay", {"euros": 2})], ["Both."]]
    async with careful(done).test(llm=script) as t:
        first = await t.run("pay", thread="t")
        questions = of(first, InterruptRequested)
        assert len(questions) == 2
        second = await t.answer(True, thread="t", id=questions[1].id)
        assert of(second, RunFinished)[0].outcome == "interrupt"
        third = await t.answer(True, thread="t", id=of(second, InterruptRequested)[0].id)
        assert of(third, RunFinished)[0].outcome == "success"
        assert len(t.models.asked) == 2
    assert sorted(done) == [1, 2]


async def test_a_new_message_instead_of_an_answer_leaves_the_call_undone() -> None:
    done: list[Any] = []
    async with careful(done).test(llm=[PAYING[0], ["Never mind."]]) as t:
        await t.run("pay", thread="t")
        events = await t.run("forget it", thread="t")
        told = [part for message in t.models.asked[1].messages for part in message.parts]
    assert of(events, RunFinished)[0].outcome == "success"
    assert done == []
    assert any(isinstance(part, ToolCallPart) for part in told)


async def test_a_tool_may_ask_a_person_itself() -> None:
    agent = Agent("asks", model="m")

    @agent.tool
    async def greet(ctx: Any) -> str:
        return f"Hello {await ctx.interrupt('Who are you?')}"

    async with agent.test(llm=[[Call("greet")], ["done"]]) as t:
        first = await t.run("go", thread="t")
        assert of(first, InterruptRequested)[0].question == "Who are you?"
        events = await t.answer("Ada", thread="t")
        assert len(t.models.asked) == 2
    assert of(events, ToolOutput)[0].output == "Hello Ada"


async def test_the_models_of_a_handler_are_its_own_conversation() -> None:
    agent = calculating()

    @agent.on_message
    async def handle(ctx: Any) -> AsyncIterator[object]:
        yield "> "
        async for chunk in ctx.converse(temperature=0.0):
            yield chunk

    models = MockModels([["hi"]])
    async with agent.test(models=models) as t:
        await t.run("go")
        assert t.text == "> hi"
    assert models.asked[0].temperature == 0.0
