"""Agents that a process serves while it is killed, cut off, or asked for too much: see tests/support/agent_process.py.

A message says how much and how fast: `5 0.01` is five words, one each 10 ms, `5 0.01 2000` five of 2,000 characters;
without a number it is said for ever.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from sluice import END, START, Agent, Graph

PACE_S = 0.02


def _asked(text: str) -> tuple[int, float, int]:
    """Return how many words, the seconds between two, and the characters of one at least."""
    count, pace, size, *_ = (*text.split(), "", "", "")
    return int(count) if count.isdecimal() else 1 << 30, float(pace or PACE_S), int(size or 0)


async def _words(text: str, begin: int = 0) -> AsyncIterator[str]:
    count, pace_s, size = _asked(text)
    for number in range(begin, count):
        yield f"w{number} ".rjust(size, "x")
        await asyncio.sleep(pace_s)


def _note(line: str) -> None:
    """Leave a trace that outlives the process."""
    with Path(os.environ["FAULTS_TRACE"]).open("a") as trace:
        trace.write(f"{line}\n")


says = Agent("says", max_concurrent=5000)


@says.on_message
async def _say(ctx: Any) -> Any:
    async for word in _words(ctx.text):
        yield word


@says.before_start
def _little_room() -> None:
    """Have the kernel keep only so much for clients that do not read. What listens hands it on to what it accepts."""
    wanted = int(os.environ.get("FAULTS_SEND_BUFFER", "0"))
    for name in os.listdir("/proc/self/fd") if wanted else ():
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as sock:
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wanted)


durable = Agent("durable", durable=True)


@durable.on_message
async def _say_durably(ctx: Any) -> Any:
    begin = ctx.state.get("said", 0)
    _note(f"durable from {begin}")
    async for word in _words(ctx.text, begin):
        yield word
        ctx.state["said"] = ctx.state.get("said", 0) + 1
        await ctx.checkpoint()


class Steps(TypedDict, total=False):
    """What the graph knows."""

    first: str
    second: str


graph = Graph(Steps)


@graph.node
async def one(state: Any, ctx: Any) -> Any:
    _note("one")
    await ctx.write("one ")
    return {"first": "done"}


@graph.node
async def two(state: Any, ctx: Any) -> Any:
    _note(f"two after {state.get('first')}")
    await ctx.write("two ")
    while Path(os.environ["FAULTS_TRACE"] + ".hold").exists():
        await asyncio.sleep(PACE_S)
    return {"second": "done"}


@graph.node
async def three(state: Any, ctx: Any) -> Any:
    _note(f"three after {state.get('second')}")
    await ctx.write("three")


graph.edge(START, "one")
graph.edge("one", "two")
graph.edge("two", "three")
graph.edge("three", END)
walks = Agent("walks", graph=graph, durable=True)

asks = Agent("asks")


@asks.on_message
async def _ask(ctx: Any) -> Any:
    yield "before "
    answer = await ctx.interrupt({"sure": "?"})
    yield f"you said {answer}"


model = Agent("model", model="gpt-4o-mini")
remembers = Agent("remembers")


@remembers.on_message
async def _remember(ctx: Any) -> Any:
    yield f"{len(ctx.messages)} messages, the last {ctx.text}"


presses = Agent("presses")


@presses.on_message
async def _offer(ctx: Any) -> Any:
    await ctx.button("Press", "pressed", by="one")


@presses.callback("pressed")
async def _pressed(cb: Any) -> Any:
    _note("pressed")
    return "done"


agents = [says, durable, walks, asks, model, remembers, presses]
