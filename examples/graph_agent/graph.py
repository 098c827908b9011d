"""A graph of one's own: two nodes look at a question at the same time, a third thinks aloud, and a branch decides who
answers. `sluice agent examples/graph_agent/graph.py:agent`

    START ─┬─ words ──┬─► plan ─┬─► answer ─► END
           └─ topics ─┘         └─► short ──► END
"""

import operator
from typing import Annotated, TypedDict

from sluice import END, START, Agent, Graph
from sluice.runs.messages import Message

LONG = 4
TOPICS = {"tea": "drinks", "coffee": "drinks", "rivers": "nature", "trees": "nature"}


class State(TypedDict, total=False):
    messages: Annotated[list[Message], operator.add]  # joined: the conversation
    notes: Annotated[list[str], operator.add]  # of the whole conversation: a thread keeps its state
    words: int  # replaced


graph = Graph(State)


@graph.node
async def words(state, ctx):
    count = len(state["messages"][-1].text.split())
    return {"words": count, "notes": [f"{count} words"]}


@graph.node
async def topics(state, ctx):
    said = state["messages"][-1].text.lower()
    return {"notes": sorted({topic for word, topic in TOPICS.items() if word in said}) or ["no topic"]}


@graph.node(channel="processing")  # what readers may fold away
async def plan(state, ctx):
    yield "So far I know: " + ", ".join(state["notes"]) + "."


@graph.node
async def answer(state, ctx):
    async for chunk in ctx.llm.stream(state["messages"]):
        yield chunk  # streams; the whole is a message of the state


@graph.node
async def short(state, ctx):
    yield "Tell me more: what would you like to know?"


graph.edge(START, "words").edge(START, "topics").edge(["words", "topics"], "plan")
graph.branch("plan", lambda state: "answer" if state["words"] >= LONG else "short", targets=["answer", "short"])
graph.edge("answer", END).edge("short", END)

agent = Agent("planner", version="1.0.0", graph=graph, instructions="Answer in two sentences.")
