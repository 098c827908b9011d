"""A graph is checked when it is built; its result does not depend on who was faster; it goes on where it stopped."""

import asyncio
import operator
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import pytest

from sluice.agents.agent import Agent
from sluice.agents.asked import Answer
from sluice.agents.context import Context
from sluice.agents.graph import END, START, Graph
from sluice.errors import ConfigError
from sluice.runs.events import RunFailed, RunFinished, StatePatch, StateSnapshot, StepStarted, TextDelta
from sluice.runs.messages import DataPart, Message, said


class Log(TypedDict, total=False):
    messages: Annotated[list[Message], operator.add]
    seen: Annotated[list[str], operator.add]
    topic: str


def steps(events: list[Any]) -> list[str]:
    return [event.name for event in events if isinstance(event, StepStarted)]


def last_state(events: list[Any]) -> dict[str, Any]:
    state: dict[str, Any] = [event.state for event in events if isinstance(event, StateSnapshot)][-1]
    return state


def fan(*, slow: str = "") -> Graph:
    """START -> a, b -> c -> END: two at once, and one that waits for both."""
    g = Graph(Log)

    def add(name: str) -> None:
        @g.node(name=name)
        async def node(state: Log, ctx: Context) -> dict[str, Any]:
            if name == slow:
                await asyncio.sleep(0.02)
            return {"seen": [name]}

    for name in ("a", "b", "c"):
        add(name)
    g.edge(START, "a").edge(START, "b").edge(["a", "b"], "c").edge("c", END)
    return g


@pytest.mark.parametrize("slow", ["a", "b"])
async def test_updates_of_one_step_are_applied_in_the_order_of_the_nodes_whoever_is_slower(slow: str) -> None:
    async with Agent("fan", graph=fan(slow=slow)).test() as t:
        events = await t.run("hi")
    assert last_state(events)["seen"] == ["a", "b", "c"]
    assert steps(events)[2:] == ["c"]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].outcome == "success"


async def test_each_update_is_told_with_its_node() -> None:
    async with Agent("fan", graph=fan()).test() as t:
        events = await t.run("hi")
    told = [(event.path, event.update) for event in events if isinstance(event, StatePatch)]
    assert (("c",), {"seen": ["c"]}) in told
    assert len(told) == 3


async def test_what_a_node_yields_is_said_and_becomes_a_message_of_the_state() -> None:
    g = Graph(Log)

    @g.node
    async def chat(state: Log, ctx: Context) -> Any:
        yield "you said "
        yield state["messages"][-1].text
        yield {"topic": "echo"}

    g.edge(START, "chat").edge("chat", END)
    async with Agent("echo", graph=g).test() as t:
        await t.run("one", thread="t")
        events = await t.run("two", thread="t")
        assert t.text == "you said two"
    state = last_state(events)
    assert [(message["role"], message["parts"][0]["text"]) for message in state["messages"]] == [
        ("user", "one"),
        ("assistant", "you said one"),
        ("user", "two"),
        ("assistant", "you said two"),
    ]
    assert state["topic"] == "echo"


async def test_the_channel_of_a_node_is_that_of_its_text() -> None:
    g = Graph(Log)

    @g.node(channel="processing")
    async def think(state: Log, ctx: Context) -> None:
        await ctx.write("hm")

    @g.node
    async def answer(state: Log, ctx: Context) -> None:
        await ctx.write("42")

    g.edge(START, "think").edge("think", "answer").edge("answer", END)
    async with Agent("deep", graph=g).test() as t:
        events = await t.run("?")
        assert t.text == "42"
    texts = [(event.text, event.channel, event.path) for event in events if isinstance(event, TextDelta)]
    assert texts == [("hm", "processing", ("think",)), ("42", "text", ("answer",))]


async def test_a_branch_picks_by_the_state_and_a_loop_ends_at_its_limit() -> None:
    g = Graph(Log, recursion_limit=5)

    @g.node
    async def again(state: Log, ctx: Context) -> dict[str, Any]:
        return {"seen": ["again"]}

    g.edge(START, "again").branch("again", lambda state: END if len(state["seen"]) == 3 else "again")
    async with Agent("loop", graph=g).test() as t:
        assert steps(await t.run("go")) == ["again"] * 3
    g.branches.clear()
    g.edge("again", "again")
    async with Agent("loop", graph=g).test() as t:
        end = (await t.run("go"))[-1]
    assert isinstance(end, RunFailed)
    assert end.code == "recursion"
    assert end.message == "the graph took 5 steps without an end"


async def test_a_branch_may_only_name_its_targets() -> None:
    g = Graph(Log)

    @g.node
    async def a(state: Log, ctx: Context) -> None: ...

    @g.node
    async def b(state: Log, ctx: Context) -> None: ...

    g.edge(START, "a").branch("a", lambda state: "b", targets=[END]).edge("b", END).edge(START, "b")
    async with Agent("strict", graph=g).test() as t:
        end = (await t.run("go"))[-1]
    assert isinstance(end, RunFailed)
    assert "'b'" in end.message


def test_all_that_is_wrong_with_a_graph_is_said_at_once() -> None:
    g = Graph(Log)

    @g.node
    async def lonely(state: Log, ctx: Context) -> None: ...

    @g.node
    async def stuck(state: Log, ctx: Context) -> None: ...

    g.edge(START, "stuck").edge("stuck", "nowhere")
    with pytest.raises(ConfigError) as refused:
        Agent("bad", graph=g)
    said_ = str(refused.value)
    assert "no node 'nowhere'" in said_
    assert "nothing leads to the node 'lonely'" in said_
    assert "nothing follows the node 'lonely'" in said_


async def test_a_node_may_take_the_state_alone_and_nothing_else_than_these_two() -> None:
    g = Graph(Log)

    @g.node
    def alone(state: Log) -> dict[str, Any]:
        return {"topic": "tea"}

    @g.node
    async def tells(state: Log, ctx: Context) -> None:
        await ctx.write(state["topic"])

    g.edge(START, "alone").edge("alone", "tells").edge("tells", END)
    async with Agent("alone", graph=g).test() as t:
        await t.run("go")
        assert t.text == "tea"
    for wrong in (lambda: None, lambda state, ctx, more: None):
        with pytest.raises(ConfigError, match=r"the node 'wrong' takes \(state, ctx\) or \(state\)"):
            g.node(name="wrong")(wrong)


async def test_an_update_of_a_field_that_the_state_has_not_fails_the_run() -> None:
    g = Graph(Log)

    @g.node
    async def typo(state: Log, ctx: Context) -> dict[str, Any]:
        return {"topik": "x"}

    g.edge(START, "typo").edge("typo", END)
    async with Agent("typo", graph=g).test() as t:
        end = (await t.run("go"))[-1]
    assert isinstance(end, RunFailed)
    assert "topik" in end.message
    assert "topic" in end.message


async def test_an_error_in_a_node_ends_its_neighbours() -> None:
    ended = asyncio.Event()
    g = Graph(Log)

    @g.node
    async def breaks(state: Log, ctx: Context) -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    @g.node
    async def waits(state: Log, ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    g.edge(START, "breaks").edge(START, "waits").edge("breaks", END).edge("waits", END)
    async with Agent("broken", graph=g).test() as t:
        end = (await t.run("go"))[-1]
        assert isinstance(end, RunFailed)
        assert ended.is_set()
        assert isinstance(t.faults[0], ValueError)


@dataclass
class Order:
    item: str = ""
    answers: Annotated[list[str], operator.add] = field(default_factory=list)


async def test_after_a_question_only_the_node_that_asked_runs_again() -> None:
    ran: list[str] = []
    g = Graph(Order)

    @g.node
    async def beside(state: Order, ctx: Context) -> dict[str, Any]:
        ran.append("beside")
        return {"answers": ["beside"]}

    @g.node
    async def ask(state: Order, ctx: Context) -> dict[str, Any]:
        ran.append("ask")
        await ctx.write("sure? ")
        answer = await ctx.interrupt(f"buy {state.item}?")
        await ctx.write(f"done: {answer}")
        return {"answers": [answer]}

    @g.node
    async def end(state: Order, ctx: Context) -> None:
        ran.append("end")

    g.edge(START, "beside").edge(START, "ask").edge(["beside", "ask"], "end").edge("end", END)
    first = Message(role="user", parts=(DataPart(data={"item": "tea"}),))
    async with Agent("order", graph=g).test() as t:
        asked = await t.run(first, thread="t")
        assert asked[-1].outcome == "interrupt"
        assert ran == ["beside", "ask"]
        going_on = await t.answer("yes", thread="t")
        assert t.text == "done: yes"
        assert last_state(going_on) == {"item": "tea", "answers": ["beside", "yes"]}
    assert ran == ["beside", "ask", "ask", "end"]


async def test_a_run_may_go_on_from_an_older_checkpoint() -> None:
    async with Agent("fan", graph=fan()).test() as t:
        await t.run("hi", thread="t")
        points = await t.service.store.list_checkpoints(t.owner, "t", limit=50)
        assert [point.next for point in points] == [(), ("c",), ("a", "b")]
        assert [point.parent_id for point in points] == [points[1].id, points[2].id, ""]
        again = await t.run(thread="t", checkpoint_id=points[1].id)
        assert steps(again) == ["c"]
        assert last_state(again)["seen"] == ["a", "b", "c"]


async def test_without_a_state_type_any_field_is_kept_and_messages_are_appended() -> None:
    g = Graph()

    @g.node
    async def note(state: dict[str, Any], ctx: Context) -> dict[str, Any]:
        return {"count": state.get("count", 0) + 1, "messages": said("ok", "assistant")}

    g.edge(START, "note").edge("note", END)
    async with Agent("free", graph=g).test() as t:
        await t.run("a", thread="t")
        state = last_state(await t.run("b", thread="t"))
    assert state["count"] == 2
    assert [message["role"] for message in state["messages"]] == ["user", "assistant"] * 2


async def test_an_answer_to_no_question_is_refused() -> None:
    async with Agent("fan", graph=fan()).test() as t:
        await t.run("hi", thread="t")
        with pytest.raises(Exception, match="question"):
            await t.run(thread="t", answers={"*": Answer(value=1)})
