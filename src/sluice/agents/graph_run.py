"""One run of a graph, in super-steps: all that are next at once, then their updates, then a checkpoint.

    checkpoint ── nodes of this step, at the same time ── updates, in order ── who is next ── checkpoint ── …

A node that asks a person ends the run, but the others of its step are let finish, and their updates are kept with the
checkpoint: the run that resumes runs only the nodes that had not ended.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from sluice.agents.agent import called
from sluice.agents.checkpoints import Source, pointer
from sluice.agents.graph_input import graph_input
from sluice.agents.interrupts import Interrupted
from sluice.agents.reducers import Schema
from sluice.agents.writer import Writer
from sluice.errors import RunLimit
from sluice.runs.events import Channel, StatePatch, StateSnapshot
from sluice.runs.messages import said
from sluice.runs.records import Checkpoint

if TYPE_CHECKING:
    from sluice.agents.context import Context

Update = dict[str, Any]
NodeFunction = Callable[..., Any]
"""`async def node(state, ctx)`, or of the state alone: returns an update (a mapping) or nothing; what it yields is
said, but for mappings, which are updates."""


class Node(msgspec.Struct, frozen=True):
    """One node. `channel`: where its text goes, the answer or what may be folded away."""

    name: str
    function: NodeFunction
    channel: Channel = "text"
    takes: int = 2
    """1 = the state alone, 2 = the context too."""


class Nodes(Protocol):
    """A graph, as its run sees it."""

    schema: Schema
    nodes: dict[str, Node]
    recursion_limit: int

    def first(self, values: Update, arrived: dict[int, set[str]]) -> tuple[str, ...]:
        """Return who is next at the beginning."""
        ...

    def after(self, done: Sequence[str], values: Update, arrived: dict[int, set[str]]) -> tuple[str, ...]:
        """Return who is next after these."""
        ...


class GraphRun:
    """One run. `pieces` runs it, and gives None after each step."""

    def __init__(self, graph: Nodes, ctx: "Context") -> None:
        self._graph, self._ctx = graph, ctx
        self._arrived: dict[int, set[str]] = {}
        self._written: dict[str, list[Update]] = {}
        """Updates of the nodes of this step that have ended, by node."""

    async def pieces(self) -> AsyncIterator[None]:
        """
        Raises:
            RunLimit: it takes more steps than it may.
        """
        values, following, step = await self._begin()
        while following:
            if step >= self._graph.recursion_limit:
                raise RunLimit(f"the graph took {step} steps without an end", code="recursion")
            await self._step(following, values, step)
            for name in following:
                for update in self._written.get(name, ()):
                    values = self._graph.schema.apply(values, update)
            self._ctx.writer.put(StateSnapshot, state=plain(values), path=self._ctx.path)
            following, self._written, step = self._graph.after(following, values, self._arrived), {}, step + 1
            await self._keep(values, following, step, "loop")
            yield None  # nothing more to say: the nodes have said it

    async def _begin(self) -> tuple[Update, tuple[str, ...], int]:
        schema, left = self._graph.schema, self._left()
        if left is not None:
            self._written = {name: list(updates) for name, updates in left.metadata.get("writes", {}).items()}
            self._arrived = {int(place): set(names) for place, names in left.metadata.get("arrived", {}).items()}
            return schema.restore(left.state), left.next, left.step
        had = {} if self._ctx.run.replace_history else schema.restore(self._ctx.state)
        values = schema.apply(schema.begin(had), graph_input(self._ctx.run, schema.fields))
        following = self._graph.first(values, self._arrived)
        await self._keep(values, following, 0, "input")
        return values, following, 0

    def _left(self) -> Checkpoint | None:
        """Where to go on: where the run stopped that this one resumes, or at a checkpoint that was named without saying
        anything new."""
        checkpoints, run = self._ctx.checkpoints, self._ctx.run
        left = checkpoints.left
        if left is None and run.checkpoint_id and not run.input:
            left = checkpoints.begun
        return left if left is not None and left.next else None

    async def _keep(self, values: Update, following: tuple[str, ...], step: int, source: Source) -> None:
        metadata: dict[str, Any] = {}
        if self._written:
            metadata["writes"] = {name: plain(updates) for name, updates in self._written.items()}
        if any(self._arrived.values()):
            metadata["arrived"] = {str(place): sorted(names) for place, names in self._arrived.items()}
        kept = plain(values)
        self._ctx.state.clear()
        self._ctx.state.update(kept)
        await self._ctx.checkpoints.save(kept, following, step, source, metadata)

    # -- one step -----------------------------------------------------------------------------------------------------

    async def _step(self, following: tuple[str, ...], values: Update, step: int) -> None:
        nodes = [self._graph.nodes[name] for name in following if name not in self._written]
        tasks = {
            asyncio.create_task(self._node(node, values, step), name=f"node {node.name} of {self._ctx.run.id}")
            for node in nodes
        }
        try:
            asked = await _all_of(tasks)
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
        if asked is not None:
            await self._keep(values, following, step, "loop")
            raise asked

    async def _node(self, node: Node, values: Update, step: int) -> None:
        """Run a node; what it said and its updates are there when it has ended."""
        ctx = copy.copy(self._ctx)
        ctx.path, ctx.channel = (*self._ctx.path, node.name), node.channel
        ctx.place = (*ctx.path, str(step))  # a node that is run again asks another question
        ear = _Ear(self._ctx.writer)
        ctx.writer = cast(Writer, ear)
        updates: list[Update] = []
        given = (self._graph.schema.view(values), ctx)[: node.takes]
        async with ctx.step(node.name), aclosing(called(node.function, *given)) as made:
            async for piece in made:
                if isinstance(piece, Mapping):
                    updates.append(dict(piece))
                else:
                    await ctx.say(piece)
        if ear.heard and self._graph.schema.keeps_messages and not any("messages" in update for update in updates):
            updates.append({"messages": [said("".join(ear.heard), "assistant", ctx.writer.name("msg"))]})
        for update in updates:
            written = plain(update)
            patch = tuple({"op": "add", "path": pointer(name), "value": value} for name, value in written.items())
            ctx.writer.put(StatePatch, patch=patch, update=written, path=ctx.path, channel=node.channel)
        self._written[node.name] = updates


async def _all_of(tasks: "set[asyncio.Task[None]]") -> Interrupted | None:
    """Wait for all; the first error ends the wait. Return the question of a node that asks a person."""
    asked: Interrupted | None = None
    left = set(tasks)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Interrupted):
                asked = asked or error
            elif error is not None:
                raise error
    return asked


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return msgspec.to_builtins(value)


class _Ear:
    """A node's pen: writes as the run's does, and remembers the text of the answer, which the state's messages get if
    the node itself puts nothing there."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.heard: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def text(self, text: str, channel: Channel = "text", path: tuple[str, ...] = ()) -> None:
        """See `Writer.text`."""
        if channel == "text":
            self.heard.append(text)
        self._writer.text(text, channel, path)
