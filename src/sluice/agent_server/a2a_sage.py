"""The native API of seed 003's client: POST /v1/messages and /v1/messages/stream, a bare message in the body.

Anthropic's messages have the same path. A request is SAGE's if it has the header `X-Protocol-Mode`, or a body with
`messageId` and `parts`; any other is not for an agent. agents.md A.2, D.4. `security` is kept with the message as it
came: signatures are not checked here (A18).
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.a2a_errors import Refused, refused
from sluice.agent_server.a2a_reading import read_sent
from sluice.agent_server.a2a_tasks import Tasks
from sluice.agent_server.a2a_verbs import reply_of
from sluice.agent_server.server import Server, answering, as_json
from sluice.errors import BadRequest, RouteNotFound, SluiceError
from sluice.runs.projections.a2a_03 import WORDS
from sluice.runs.projections.a2a_sage import A2aSage
from sluice.runs.records import Run

MODES = frozenset({"a2a", "sage", "auto"})


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def begin(request: Request) -> tuple[Run, Tasks]:
        body, digest = await server.body(request, dict[str, Any])
        mode = request.headers.get("x-protocol-mode", "").lower()
        if not mode and not ("messageId" in body and "parts" in body):
            raise RouteNotFound("an agent takes SAGE messages here: send X-Protocol-Mode, or messageId and parts")
        if mode and mode not in MODES:
            raise BadRequest(f"the header X-Protocol-Mode is one of {', '.join(sorted(MODES))}")
        tasks = Tasks(server.service, await server.who(request), server.agent(request))
        sent = read_sent({"message": body}, "")
        key = request.headers.get("idempotency-key", "")
        return await tasks.begin(sent, request_id=key, digest=digest), tasks

    async def send(request: Request) -> Response:
        try:
            run, tasks = await begin(request)
            task = await tasks.told(await server.whole(request, run))
            message = reply_of(task, run) or task.status.message
        except Refused as error:
            return _told(error, error.kind.status)
        if message is None:
            return as_json({"error": task.status.state, "message": "the task ended without an answer"}, 409)
        return as_json(WORDS.message(message, "", task.context_id))

    async def stream(request: Request) -> Response:
        try:
            run, tasks = await begin(request)
            return server.stream(run, A2aSage(await tasks.before(run)))
        except Refused as error:
            return _told(error, error.kind.status)

    return [
        Route("/v1/messages", answering(_failed, send), methods=["POST"]),
        Route("/v1/messages/stream", answering(_failed, stream), methods=["POST"]),
    ]


def _failed(error: SluiceError) -> Response:
    return _told(refused(error), error.status)


def _told(error: Refused, status: int) -> Response:
    return as_json({"error": error.data.get("code", error.kind.reason.lower()), "message": str(error)}, status)
