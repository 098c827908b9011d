"""A log as LangGraph's clients think of it: a state that grows, nodes that ran, messages in it.

An agent without a graph is a graph of one node, which has its name.
"""

from typing import Any

from sluice.runs.events import (
    Event,
    InterruptRequested,
    ReasoningStarted,
    RunStarted,
    StatePatch,
    StateSnapshot,
    StepStarted,
    TextStarted,
    ToolStarted,
)
from sluice.runs.fold import Fold
from sluice.runs.messages import Message
from sluice.runs.projections.langgraph_messages import all_written, rewritten


class View:
    """What has happened up to an event. Give it each event before the modes see it. `history`: the messages of the
    thread before the run."""

    def __init__(self, history: tuple[Message, ...] = ()) -> None:
        self.history = history
        self._input: tuple[Message, ...] = ()
        self._fold = Fold()
        self._state: dict[str, Any] = {}
        self.agent = ""
        self.run_id = ""
        self.thread_id = ""
        self.own_messages = False
        """Whether nodes change the state's messages themselves: then those are the messages, not what was said."""
        self.interrupts: list[InterruptRequested] = []
        self.message_of: dict[str, str] = {}
        """The message that a block of text, of reasoning or a tool call belongs to."""
        self.tools: dict[str, str] = {}
        """Names of tool calls."""
        self.nodes: dict[str, str] = {}
        """The node that said a message."""
        self.step_number = 0

    def step(self, event: Event) -> None:
        """Take the next event."""
        self._fold.step(event)
        match event:
            case RunStarted():
                self.agent, self.run_id, self.thread_id = event.agent, event.run_id, event.thread_id
                self._input = event.input
            case TextStarted() | ReasoningStarted() | ToolStarted():
                self.message_of[event.id] = event.message_id
                self.nodes[event.message_id] = self.node(event)
                if isinstance(event, ToolStarted):
                    self.tools[event.id] = event.name
            case StepStarted():
                self.step_number += 1
            case StateSnapshot():
                self._state = event.state if isinstance(event.state, dict) else {"state": event.state}
            case StatePatch():
                self._patched(event)
            case InterruptRequested():
                self.interrupts.append(event)

    def _patched(self, event: StatePatch) -> None:
        if isinstance(event.update, dict):  # of a node; the snapshot follows when its step is over
            self.own_messages = self.own_messages or bool(event.update.get("messages"))
            return
        state = dict(self._state)
        for change in event.patch:  # of `ctx.state`: its members only (agents/checkpoints.py)
            name = str(change["path"]).removeprefix("/").replace("~1", "/").replace("~0", "~")
            state.pop(name, None)
            if change["op"] != "remove":
                state[name] = change["value"]
        self._state = state

    def node(self, event: Event) -> str:
        """Return the node that said something."""
        return event.path[-1] if event.path else self.agent

    def said(self) -> tuple[Message, ...]:
        """Return what the agent and its tools have said."""
        return self._fold.messages()

    def values(self) -> dict[str, Any]:
        """Return the state: its messages, and what else the graph keeps."""
        if self.own_messages and "messages" in self._state:
            return rewritten(self._state)
        messages = (*self.history, *self._input, *self._fold.messages())
        return {**self._state, "messages": all_written(messages)}

    def asked(self) -> list[dict[str, Any]]:
        """Return the open questions."""
        return [interrupt(one) for one in self.interrupts]

    def config(self) -> dict[str, Any]:
        """Return what names the run's checkpoints; the log does not name each."""
        return {"configurable": {"thread_id": self.thread_id, "checkpoint_ns": "", "checkpoint_id": None}}

    def metadata(self, node: str) -> dict[str, Any]:
        """Return what goes with each message of a node."""
        return {
            "run_id": self.run_id,
            "thread_id": self.thread_id,
            "assistant_id": self.agent,
            "graph_id": self.agent,
            "langgraph_node": node,
            "langgraph_step": self.step_number,
            "langgraph_triggers": [],
            "langgraph_path": ["__pregel_pull", node],
        }


def interrupt(event: InterruptRequested) -> dict[str, Any]:
    """Return a question in their words."""
    asked: dict[str, Any] = {"value": event.question, "id": event.id}
    if event.schema is not None:
        asked["response_schema"] = event.schema
    return asked
