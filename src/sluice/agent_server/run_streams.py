"""Which projection a reader of a run gets, and what it must know beforehand."""

from typing import Any

from starlette.requests import Request

from sluice.agents.service import Service
from sluice.runs.events import Codec
from sluice.runs.messages import Message
from sluice.runs.projection import Projection
from sluice.runs.projections.langgraph import LangGraph, modes_of
from sluice.runs.projections.langgraph_view import View
from sluice.runs.projections.table import projection
from sluice.runs.records import Run

MODES, SUBGRAPHS = "langgraph.stream_mode", "langgraph.subgraphs"
"""Where a run remembers how its client wants it told, for a reader who comes back and does not say (agents.md E.9)."""
OF_THREADS = frozenset({"run_modes", "lifecycle", "state_update"})
"""Stream modes of a thread's stream; `run_modes`, those each run was begun with, is what all of them get here."""
PAGE = 1000


async def reading(service: Service, run: Run, request: Request, default: str) -> Projection:
    """Return the projection that a request for a stream names in `?protocol=`. Stream modes are LangGraph's word.

    Raises:
        BadRequest: there is no such protocol, or no such stream mode.
    """
    asked = request.query_params.getlist("stream_mode")
    name = request.query_params.get("protocol") or (LangGraph.name if asked else default)
    if name != LangGraph.name:
        return projection(name)
    asked = [mode for mode in asked if mode not in OF_THREADS]
    return await as_langgraph(service, run, modes_of(asked) or tuple(run.options.get(MODES, ())))


async def as_langgraph(service: Service, run: Run, modes: tuple[str, ...]) -> LangGraph:
    """Return LangGraph's reading of a run."""
    subgraphs = bool(run.options.get(SUBGRAPHS, False))
    return LangGraph(modes, await history_of(service, run), subgraphs=subgraphs)


async def history_of(service: Service, run: Run) -> tuple[Message, ...]:
    """Return the messages of a run's thread that were there before it."""
    if not run.stored or not run.id:
        return ()
    messages = await service.store.list_messages(run.owner, run.thread_id)
    return tuple(until(messages, {message.id for message in (*run.input, *run.output)}))


def until(messages: list[Message], names: set[str]) -> list[Message]:
    """Return the messages before the first of these."""
    for place, message in enumerate(messages):
        if message.id in names:
            return messages[:place]
    return messages


async def final_values(service: Service, run: Run) -> dict[str, Any]:
    """Return the state that a run has left, as who waits for a LangGraph run gets it: with `__interrupt__` if it asked
    a question, only `__error__` if it failed."""
    if run.error is not None:
        return {"__error__": {"error": run.error.code, "message": run.error.message}}
    if run.status == "timeout":
        return {"__error__": {"error": "timeout", "message": "the run was out of time"}}
    view, after = View(await history_of(service, run)), 0
    while batch := await service.store.read(run.id, after, PAGE):
        for data in batch:
            event = Codec.decode(data)
            view.step(event)
            after = event.seq
    values = view.values()
    if run.status == "interrupted":
        values["__interrupt__"] = view.asked()
    return values
