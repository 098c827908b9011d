"""Seed 004's graph: a storyteller that streams. `sluice agent examples/streaming_graph/graph.py:agent --port 3000`."""

import operator
from collections.abc import AsyncIterator
from typing import Annotated, TypedDict

from sluice import END, START, Agent, Graph
from sluice.agents.context import Context
from sluice.agents.model import Chunk
from sluice.runs.messages import Message


class State(TypedDict):
    messages: Annotated[list[Message], operator.add]  # what a thread has said so far, and what is said now


graph = Graph(State)


@graph.node
async def chat(state: State, ctx: Context) -> AsyncIterator[Chunk]:
    async for chunk in ctx.llm.stream(state["messages"]):
        yield chunk


graph.edge(START, "chat")
graph.edge("chat", END)

agent = Agent(
    "streaming-chat",
    version="1.0.0",
    graph=graph,
    instructions="You tell short, vivid stories to whoever asks for one.",
    temperature=0.7,
)
