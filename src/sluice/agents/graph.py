"""Graphs: nodes that update a state, edges that say who is next. Checked when they are built, not when they run.

    g = Graph(State)

    @g.node
    async def chat(state, ctx):
        async for chunk in ctx.llm.stream(state["messages"]):
            yield chunk

    g.edge(START, "chat")
    g.edge("chat", END)
    agent = Agent("streaming-chat", graph=g)

Nodes that are next at the same time run at the same time; their updates are applied in the order in which the nodes
were added, so that a run's result does not depend on who was faster. agents.md B1, E.12.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

import msgspec

from sluice.agents.graph_run import GraphRun, Node, NodeFunction
from sluice.agents.reducers import Schema
from sluice.errors import ConfigError
from sluice.runs.events import Channel

if TYPE_CHECKING:
    from sluice.agents.context import Context

START: Final = "__start__"
END: Final = "__end__"
RECURSION: Final = 40
"""Super-steps of one run, at most, unless the graph says otherwise."""
Pick = Callable[[Any], "str | Sequence[str]"]
_F = TypeVar("_F", bound=NodeFunction)


class Branch(msgspec.Struct, frozen=True):
    """Who is next is told by the state. `targets`: whom `pick` may name; empty = any node."""

    pick: Pick
    targets: tuple[str, ...] = ()


class Graph:
    """A graph over a state. `state`: a TypedDict, a dataclass, a msgspec struct; None = any fields."""

    def __init__(self, state: type[Any] | None = None, *, recursion_limit: int = RECURSION) -> None:
        """
        Raises:
            ConfigError: no such state.
        """
        self.schema = Schema(state)
        self.recursion_limit = recursion_limit
        self.nodes: dict[str, Node] = {}
        self.edges: dict[str, list[str]] = {}
        self.joins: list[tuple[frozenset[str], str]] = []
        """A node that waits for several."""
        self.branches: dict[str, list[Branch]] = {}

    # -- building -----------------------------------------------------------------------------------------------------

    @overload
    def node(self, function: _F) -> _F: ...

    @overload
    def node(self, *, name: str = "", channel: Channel = "text") -> Callable[[_F], _F]: ...

    def node(self, function: _F | None = None, *, name: str = "", channel: Channel = "text") -> Any:
        """Add a node. Used bare, or with arguments.

        Raises:
            ConfigError: there is one of that name, or it takes something else than the state and the context.
        """

        def add(function: _F) -> _F:
            called = name or function.__name__
            if called in self.nodes or called in (START, END):
                raise ConfigError(f"there is a node {called!r} already", path="graph")
            self.nodes[called] = Node(called, function, channel, _takes(function, called))
            return function

        return add if function is None else add(function)

    def edge(self, source: str | Sequence[str], target: str) -> "Graph":
        """Let `target` follow `source`; of several sources, when all of them are done."""
        if isinstance(source, str):
            self.edges.setdefault(source, []).append(target)
        else:
            self.joins.append((frozenset(source), target))
        return self

    def branch(self, source: str, pick: Pick, targets: Sequence[str] = ()) -> "Graph":
        """Let whom `pick(state)` names follow `source`: a name, or several."""
        self.branches.setdefault(source, []).append(Branch(pick, tuple(targets)))
        return self

    def check(self) -> None:
        """
        Raises:
            ConfigError: names all that is wrong: unknown nodes, no beginning, nodes that nothing leads to, nodes that
                nothing follows.
        """
        wrong = [*self._unknown(), *self._lost()]
        if wrong:
            raise ConfigError("; ".join(wrong), path="graph")

    def _links(self) -> list[tuple[str, str]]:
        links = [(source, target) for source, targets in self.edges.items() for target in targets]
        links += [(source, target) for sources, target in self.joins for source in sorted(sources)]
        for source, branches in self.branches.items():
            for branch in branches:
                links += [(source, target) for target in branch.targets or (*self.nodes, END)]
        return links

    def _unknown(self) -> list[str]:
        links = self._links()
        known = {*self.nodes, START, END}
        names = sorted({name for link in links for name in link} - known)
        wrong = [f"there is no node {name!r}" for name in names]
        if not any(source == START for source, _ in links):
            wrong.append("nothing follows START")
        if any(source == END for source, _ in links):
            wrong.append("something follows END")
        return wrong

    def _lost(self) -> list[str]:
        links = self._links()
        reached = {START}
        while more := {target for source, target in links if source in reached} - reached:
            reached |= more
        sources = {source for source, _ in links}
        wrong = [f"nothing leads to the node {name!r}" for name in self.nodes if name not in reached]
        wrong += [f"nothing follows the node {name!r}: END?" for name in self.nodes if name not in sources]
        return wrong

    # -- running ------------------------------------------------------------------------------------------------------

    def first(self, values: dict[str, Any], arrived: dict[int, set[str]]) -> tuple[str, ...]:
        """Return who is next at the beginning."""
        return self.after((START,), values, arrived)

    def after(self, done: Sequence[str], values: dict[str, Any], arrived: dict[int, set[str]]) -> tuple[str, ...]:
        """Return who is next after these, in the order in which the nodes were added. `arrived`: which sources of each
        join are done; kept from step to step.

        Raises:
            ConfigError: a branch named a node that there is not.
        """
        following: set[str] = set()
        for name in done:
            following.update(self.edges.get(name, ()))
            for branch in self.branches.get(name, ()):
                following.update(self._picked(name, branch, values))
        for place, (sources, target) in enumerate(self.joins):
            there = arrived.setdefault(place, set())
            there.update(sources.intersection(done))
            if there == sources:
                there.clear()
                following.add(target)
        return tuple(name for name in self.nodes if name in following)

    def _picked(self, source: str, branch: Branch, values: dict[str, Any]) -> tuple[str, ...]:
        picked = branch.pick(self.schema.view(values))
        names = (picked,) if isinstance(picked, str) else tuple(picked)
        for name in names:
            if name != END and name not in (branch.targets or self.nodes):
                raise ConfigError(f"the branch behind {source!r} named {name!r}, which it may not", path="graph")
        return names

    def run(self, ctx: "Context") -> AsyncIterator[None]:
        """Run it for a message. What its nodes say goes to the run's log; this gives None after each step."""
        return GraphRun(self, ctx).pieces()


def _takes(function: NodeFunction, name: str) -> int:
    """Return how many arguments a node is given.

    Raises:
        ConfigError: it takes neither the state and the context nor the state alone.
    """
    for given in (2, 1):
        try:
            inspect.signature(function).bind(*range(given))
        except TypeError:
            continue
        return given
    raise ConfigError(f"the node {name!r} takes (state, ctx) or (state)", path="graph")
