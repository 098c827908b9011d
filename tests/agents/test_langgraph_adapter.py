"""A LangGraph graph served as an agent: its tokens, steps, tools, state and questions are events like any other's."""

import asyncio
from typing import Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from sluice.agents.agent import Agent
from sluice.runs.events import (
    Data,
    InterruptRequested,
    RunFinished,
    StatePatch,
    StateSnapshot,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolStarted,
)
from sluice.runs.messages import ReasoningPart, TextPart, ToolCallPart, ToolResultPart


def model(*answers: str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(answer) for answer in answers]))


def story(*answers: str, saver: InMemorySaver | None = None) -> Any:
    llm = model(*answers)

    async def chat(state: MessagesState) -> dict[str, Any]:
        get_stream_writer()({"so": "far"})
        return {"messages": [await llm.ainvoke(state["messages"])]}

    g = StateGraph(MessagesState)
    g.add_node("chat", chat)
    g.add_edge(START, "chat")
    g.add_edge("chat", END)
    return g.compile(checkpointer=saver, name="story")


async def test_tokens_steps_state_and_own_events_are_told() -> None:
    async with Agent.from_langgraph(story("Once upon a time")).test() as t:
        events = await t.run("tell")
        assert t.text == "Once upon a time"
    texts = [(event.text, event.path) for event in events if isinstance(event, TextDelta)]
    assert len(texts) == 7
    assert {path for _, path in texts} == {("chat",)}
    assert [event.name for event in events if isinstance(event, StepStarted | StepFinished)] == ["chat", "chat"]
    assert [event.value for event in events if isinstance(event, Data)] == [{"so": "far"}]
    (patch,) = [event for event in events if isinstance(event, StatePatch)]
    assert patch.update["messages"][0]["content"] == "Once upon a time"
    state = [event.state for event in events if isinstance(event, StateSnapshot)][-1]
    assert [message["type"] for message in state["messages"]] == ["human", "ai"]


async def test_without_a_checkpointer_each_run_has_the_whole_conversation() -> None:
    async with Agent.from_langgraph(story("one", "two")).test() as t:
        await t.run("a", thread="t")
        events = await t.run("b", thread="t")
    state = [event.state for event in events if isinstance(event, StateSnapshot)][-1]
    assert [message["content"] for message in state["messages"]] == ["a", "one", "b", "two"]


async def test_with_a_checkpointer_the_history_is_langgraphs_and_owners_are_kept_apart() -> None:
    agent = Agent.from_langgraph(story("one", "two", "three", saver=InMemorySaver()))
    async with agent.test() as t:
        await t.run("a", thread="t")
        events = await t.run("b", thread="t")
        foreign = await t.run("c", thread="t", owner="another")
    states = [[event.state for event in each if isinstance(event, StateSnapshot)][-1] for each in (events, foreign)]
    assert [message["content"] for message in states[0]["messages"]] == ["a", "one", "b", "two"]
    assert [message["content"] for message in states[1]["messages"]] == ["c", "three"]


class Calling(GenericFakeChatModel):
    """Calls two tools at once, their arguments interleaved; then answers."""

    def _stream(self, messages: Any, *args: Any, **options: Any) -> Any:
        if isinstance(messages[-1], ToolMessage):
            thought = AIMessageChunk("", id="m2", additional_kwargs={"reasoning_content": "so it is 5"})
            yield ChatGenerationChunk(message=thought)
            usage = {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
            yield ChatGenerationChunk(message=AIMessageChunk("five", id="m2", usage_metadata=usage))
            return
        for index, part, name in ((0, '{"a"', "add"), (1, "{", "now"), (0, ": 2}", None), (1, "}", None)):
            chunk = {"index": index, "id": f"c{index}" if name else None, "name": name, "args": part}
            yield ChatGenerationChunk(message=AIMessageChunk("", id="m1", tool_call_chunks=[chunk]))


async def test_interleaved_tool_calls_keep_their_ids() -> None:
    llm = Calling(messages=iter([]))

    async def chat(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await llm.ainvoke(state["messages"])]}

    async def tools(state: MessagesState) -> dict[str, Any]:
        return {
            "messages": [
                ToolMessage(call["name"], tool_call_id=call["id"]) for call in state["messages"][-1].tool_calls
            ]
        }

    g = StateGraph(MessagesState)
    g.add_node("chat", chat)
    g.add_node("tools", tools)
    g.add_edge(START, "chat")
    g.add_conditional_edges("chat", lambda state: "tools" if state["messages"][-1].tool_calls else END)
    g.add_edge("tools", "chat")
    async with Agent.from_langgraph(g.compile(), name="tools").test() as t:
        events = await t.run("2 + 3", thread="t")
        assert t.text == "five"
        messages = await t.messages("t")
    assert [(event.id, event.name) for event in events if isinstance(event, ToolStarted)] == [
        ("c0", "add"),
        ("c1", "now"),
    ]
    assert [(event.id, event.text) for event in events if isinstance(event, ToolInputDelta)] == [
        ("c0", '{"a"'),
        ("c1", "{"),
        ("c0", ": 2}"),
        ("c1", "}"),
    ]
    assert [(event.id, event.input) for event in events if isinstance(event, ToolInput)] == [
        ("c0", {"a": 2}),
        ("c1", {}),
    ]
    assert [(event.id, event.output) for event in events if isinstance(event, ToolOutput)] == [
        ("c0", "add"),
        ("c1", "now"),
    ]
    assert [[type(part) for part in message.parts] for message in messages] == [
        [TextPart],
        [ToolCallPart, ToolCallPart],
        [ToolResultPart],
        [ToolResultPart],
        [ReasoningPart, TextPart],
    ]
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].usage.input_tokens, events[-1].usage.output_tokens) == (7, 2)


async def test_a_question_ends_the_run_and_its_answer_goes_on_where_it_was_asked() -> None:
    ran: list[str] = []

    async def first(state: MessagesState) -> dict[str, Any]:
        ran.append("first")
        return {"messages": [AIMessage("before ")]}

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"after {interrupt({'sure': '?'})}")]}

    g = StateGraph(MessagesState)
    g.add_node("first", first)
    g.add_node("ask", ask)
    g.add_edge(START, "first")
    g.add_edge("first", "ask")
    g.add_edge("ask", END)
    async with Agent.from_langgraph(g.compile(checkpointer=InMemorySaver()), name="ask").test() as t:
        asked = await t.run("go", thread="t")
        (question,) = [event for event in asked if isinstance(event, InterruptRequested)]
        assert question.question == {"sure": "?"}
        assert asked[-1].outcome == "interrupt"
        answered = await t.answer("yes", thread="t")
        assert t.text == "after yes"
        assert answered[-1].outcome == "success"
    assert ran == ["first"]


async def test_a_cancel_reaches_the_node() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait(state: MessagesState) -> dict[str, Any]:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    g = StateGraph(MessagesState)
    g.add_node("wait", wait)
    g.add_edge(START, "wait")
    g.add_edge("wait", END)
    async with Agent.from_langgraph(g.compile(), name="wait").test() as t:
        run = await t.start("go")
        await began.wait()
        await t.service.cancel(t.owner, run.id)
        events = [event async for event in t.watch(run)]
        async with asyncio.timeout(2):
            await ended.wait()
    assert events[-1].outcome == "cancelled"
