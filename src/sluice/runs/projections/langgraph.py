"""LangGraph's stream of a run: `metadata`, then what the stream modes say, then `end` or `error`. agents.md C.4.

The `id` of a frame is the event's number; of several frames of one event only the last has it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

import msgspec

from sluice.errors import BadRequest
from sluice.runs.events import Event, RunFailed, RunFinished, RunStarted
from sluice.runs.messages import Message
from sluice.runs.projection import Frame
from sluice.runs.projections.langgraph_said import Events, Messages, MessageTuples, Said, Tools
from sluice.runs.projections.langgraph_state import Checkpoints, Custom, Debug, Tasks, Updates, Values
from sluice.runs.projections.langgraph_view import View


class Mode(Protocol):
    """One stream mode."""

    def step(self, event: Event, view: View) -> Said:
        """Return what the mode says at this event; the view knows it already."""
        ...


class Lifecycle:
    """`lifecycle`: of subgraphs that tools start; there are none here."""

    def step(self, event: Event, view: View) -> Said:
        return []


MODES: Final[Mapping[str, Callable[[], Mode]]] = {
    "values": Values,
    "updates": Updates,
    "messages-tuple": MessageTuples,
    "messages": Messages,
    "custom": Custom,
    "tasks": Tasks,
    "checkpoints": Checkpoints,
    "debug": Debug,
    "events": Events,
    "tools": Tools,
    "lifecycle": Lifecycle,
}
DEFAULT_MODES = ("values",)
NESTED = frozenset({"values", "updates", "tasks", "checkpoints", "debug"})
"""Events that are told of subgraphs only to those who ask for them; the name of the subgraph stands behind theirs."""


def modes_of(value: Any) -> tuple[str, ...]:
    """Return the stream modes of a request: a text, a list of them, or nothing.

    Raises:
        BadRequest: one of them there is not.
    """
    names = [value] if isinstance(value, str) else value or []
    for name in names:
        if name not in MODES:
            raise BadRequest(f"{name!r} is no stream mode; there are {', '.join(MODES)}", param="stream_mode")
    return tuple(dict.fromkeys(names))


class LangGraph:
    """One reader's modes. `history`: the thread's messages before the run; `subgraphs`: whether what nodes inside nodes
    change is told too."""

    name: ClassVar[str] = "langgraph"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 5.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(
        self, modes: Sequence[str] = (), history: tuple[Message, ...] = (), *, subgraphs: bool = False
    ) -> None:
        self._view = View(history)
        self._modes = [MODES[name]() for name in modes or DEFAULT_MODES]
        self._subgraphs = subgraphs

    def recall(self, history: tuple[Message, ...]) -> None:
        self._view.history = history

    def step(self, event: Event) -> list[Frame]:
        self._view.step(event)
        said: Said = []
        if isinstance(event, RunStarted):
            said.append(("metadata", {"run_id": event.run_id, "attempt": 1}))
        outer = event.path[:-1]
        for mode in self._modes:
            for name, data in mode.step(event, self._view):
                if outer and name in NESTED:
                    if not self._subgraphs:
                        continue
                    name = "|".join((name, *outer))  # the name is what changes
                said.append((name, data))
        said += self._last(event)
        last = len(said) - 1
        return [
            Frame(msgspec.json.encode(data), name, str(event.seq) if place == last else "")
            for place, (name, data) in enumerate(said)
        ]

    @staticmethod
    def _last(event: Event) -> Said:
        match event:
            case RunFailed():
                return [("error", {"error": event.code, "message": event.message})]
            case RunFinished(outcome="timeout"):
                return [("error", {"error": "timeout", "message": event.message})]
            case RunFinished():
                return [("end", None)]
        return []

    def end(self) -> list[Frame]:
        return []
