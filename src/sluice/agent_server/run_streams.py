"""Which projection a reader of a run gets: its protocol's, as the run was asked for."""

from typing import Any

from starlette.requests import Request

from sluice.agent_server.a2a_tasks import Tasks
from sluice.agent_server.ag_ui import as_ag_ui
from sluice.agent_server.ai_sdk import sdk_of
from sluice.agent_server.ai_sdk_chat import projection_of
from sluice.agent_server.openai_chat import as_chat
from sluice.agent_server.responses_request import echo_of
from sluice.agent_server.run_history import history_of
from sluice.agents.service import Service
from sluice.runs.events import Codec
from sluice.runs.projection import Projection
from sluice.runs.projections.a2a import A2a
from sluice.runs.projections.a2a_03 import A2a03
from sluice.runs.projections.a2a_sage import A2aSage
from sluice.runs.projections.ag_ui import AgUi
from sluice.runs.projections.ai_sdk import AiSdk
from sluice.runs.projections.langgraph import LangGraph, modes_of
from sluice.runs.projections.langgraph_view import View
from sluice.runs.projections.openai_chat import OpenAiChat
from sluice.runs.projections.responses import Responses
from sluice.runs.projections.table import projection
from sluice.runs.records import Run

MODES, SUBGRAPHS = "langgraph.stream_mode", "langgraph.subgraphs"
"""Where a run remembers how its client wants it told, for a reader who comes back and does not say (agents.md E.9)."""
OF_THREADS = frozenset({"run_modes", "lifecycle", "state_update"})
"""Stream modes of a thread's stream; `run_modes`, those each run was begun with, is what all of them get here."""
PAGE = 1000


async def reading(service: Service, run: Run, request: Request, default: str) -> Projection:
    """Return the projection that a request for a stream names in `?protocol=`, as whoever began the run in that
    protocol is told it. Stream modes are LangGraph's word, `sdk` is that of Vercel's AI SDK.

    Raises:
        BadRequest: there is no such protocol, no such stream mode, or no such version.
    """
    asked = request.query_params.getlist("stream_mode")
    name = request.query_params.get("protocol") or (LangGraph.name if asked else default)
    match name if run.id else "":
        case AiSdk.name:
            return projection_of(run, sdk_of(request))
        case AgUi.name:
            return as_ag_ui(run)
        case Responses.name:
            return Responses(echo_of(run))
        case OpenAiChat.name:
            return as_chat(run)
        case A2a.name:
            return A2a(await Tasks(service, run.owner).before(run))
        case A2a03.name:
            return A2a03(await Tasks(service, run.owner).before(run))
        case A2aSage.name:
            return A2aSage(await Tasks(service, run.owner).before(run))
    if name != LangGraph.name:
        return projection(name)
    asked = [mode for mode in asked if mode not in OF_THREADS]
    modes = modes_of(asked) or tuple(run.options.get(MODES, ()))
    return LangGraph(modes, subgraphs=bool(run.options.get(SUBGRAPHS, False)))


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
