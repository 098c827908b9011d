"""AG-UI 1.0 over HTTP: what `HttpAgent` and CopilotKit ask. agents.md C.2.

    POST /ag-ui                 begin a run, or answer the questions of the last one (`resume`)
    GET  /ag-ui/{thread}        the thread told again, run by run, and what is under way (not of AG-UI, which allows it)

The protocol stops a run by closing the socket: a run whose thread only AG-UI knows ends when nobody has watched it for
five seconds. One on a thread that was made elsewhere goes on (agents.md E.5).
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server import ag_ui_input
from sluice.agent_server.ag_ui_input import RunAgentInput
from sluice.agent_server.client_history import last_run, place
from sluice.agent_server.event_stream import NO_BUFFERING, Pace, Viewer, frames_of, in_header
from sluice.agent_server.server import Server, answering, as_json
from sluice.agents.asked import Asked
from sluice.agents.service import Service
from sluice.errors import BadRequest, SluiceError
from sluice.runs.messages import Message, ToolResultPart
from sluice.runs.projection import Frame
from sluice.runs.projections.ag_ui import AgUi
from sluice.runs.records import OnDisconnect, Run

REPLAYED = 1000
"""Runs of a thread, the newest, that are told again."""


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    service = server.service

    async def begin(request: Request) -> Response:
        owner = await server.who(request)
        body, digest = await server.body(request, RunAgentInput)
        asked = await _asked(service, owner, body, digest, server.agent(request, request.query_params.get("agent", "")))
        run = await service.start(asked)
        return server.stream(run, as_ag_ui(run))

    async def replay(request: Request) -> Response:
        owner, thread = await server.who(request), request.path_params["thread"]
        await service.thread(owner, thread)
        runs = await service.store.list_runs(owner, thread, limit=REPLAYED)
        pace = Pace()
        where = f"/threads/{quote(thread, safe='')}"
        headers = {
            **NO_BUFFERING,
            "location": f"{where}/stream?protocol={AgUi.name}",
            "content-location": where,
            "x-thread-id": in_header(thread),
        }
        return Viewer(_told_again(service, runs[::-1], pace), pace, name=f"thread {thread}", headers=headers)

    return [
        Route("/ag-ui", answering(told, begin), methods=["POST"]),
        Route("/ag-ui/{thread}", answering(told, replay), methods=["GET"]),
    ]


async def _asked(service: Service, owner: str, body: RunAgentInput, digest: str, agent: str) -> Asked:
    for field, value in (("threadId", body.thread_id), ("runId", body.run_id)):
        if not value:
            raise BadRequest("an id is required", param=field)
    sent = ag_ui_input.conversation(body)
    new = len(sent)
    while new and sent[new - 1].messages[0].role != "assistant":
        new -= 1
    last = await last_run(service, owner, body.thread_id)
    outcomes, done = ag_ui_input.outcomes(body, last.interrupts if last is not None else ())
    answers = {**outcomes, **ag_ui_input.answers(body)}
    placed = await place(service, owner, body.thread_id, sent, new_from=new)
    if not placed.input and not answers:
        raise BadRequest("there is no message to answer", param="messages")
    return Asked(
        owner=owner,
        agent=agent,
        input=tuple(message for message in placed.input if not _tells(message, done)),
        replace_history=placed.replaces,
        thread_id=body.thread_id,
        request_id=body.run_id,
        digest=digest,
        context=ag_ui_input.context(body),
        tools=ag_ui_input.tools(body),
        options={
            "protocol": AgUi.name,
            "run_id": body.run_id,
            "calls": [*ag_ui_input.open_calls(body), *done] if answers else [],
            "done": done,
        },
        answers=answers,
        on_disconnect=await _on_disconnect(service, owner, body.thread_id),
        multitask="interrupt",
    )


def _tells(message: Message, calls: Sequence[str]) -> bool:
    """Whether a message is nothing but what came of these calls: the run itself writes that."""
    return bool(calls) and all(isinstance(part, ToolResultPart) and part.id in calls for part in message.parts)


async def _on_disconnect(service: Service, owner: str, thread: str) -> OnDisconnect:
    """A thread keeps the manner of its last run; one that was made without a run is somebody's to keep."""
    if (run := await last_run(service, owner, thread)) is not None:
        return run.on_disconnect
    return "cancel" if await service.store.get_thread(owner, thread) is None else "continue"


def as_ag_ui(run: Run) -> AgUi:
    """Return how the client that began a run is told of it."""
    options = run.options
    return AgUi(run_id=str(options.get("run_id", "")), known=options.get("calls", ()), done=options.get("done", ()))


async def _told_again(service: Service, runs: list[Run], pace: Pace) -> AsyncGenerator[list[Frame], None]:
    """Give each run whole, one behind the other."""
    for run in runs:
        async with aclosing(frames_of(service, run, as_ag_ui(run), pace=pace)) as batches:
            async for frames in batches:
                yield frames


def told(error: SluiceError) -> Response:
    """Return an error in the shape of AG-UI's own: the client shows it with the status."""
    body: dict[str, Any] = {"type": "RUN_ERROR", "message": str(error), "code": error.code}
    if error.param:
        body["metadata"] = {"param": error.param}
    return as_json(body, error.status)
