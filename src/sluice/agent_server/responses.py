"""The Responses API: POST /v1/responses, and its responses found, watched, cancelled and deleted.

A response goes on when its client leaves (agents.md E.5), and can be read from any place of its stream, while it is
written and after. Source: platform.openai.com/docs/api-reference/responses, read 2026-11-21. agents.md C.5, E.2.
"""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server import conversations, responses_socket
from sluice.agent_server.openai_answers import about, failed, log_of, told
from sluice.agent_server.openai_page import page
from sluice.agent_server.responses_input import items_of
from sluice.agent_server.responses_request import Body, asked, echo_of, found
from sluice.agent_server.server import Server, answering, as_json, cursor, number
from sluice.runs.messages import lasting
from sluice.runs.projections.openai_failure import failure_of
from sluice.runs.projections.responses import Responses
from sluice.runs.records import LIVE, Run

CANCEL_S = 2.0
"""How long the answer to a cancel waits for the end that it brings about."""
MOST = 1_000_000_000


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def create(request: Request) -> Response:
        owner = await server.who(request)
        body, digest = await server.body(request, Body)
        run = await server.service.start(await asked(server, request, owner, body, digest))
        if body.stream:
            return server.stream(run, Responses(echo_of(run)), after=cursor(request), headers=about(run))
        if body.background:
            return as_json(await response_of(server, run), headers=about(run))
        return await _whole(server, request, run)

    async def get(request: Request) -> Response:
        run = await _found(request)
        if request.query_params.get("stream") != "true":
            return as_json(await response_of(server, run), headers=about(run))
        after = number(request, "starting_after", -1, MOST)
        return server.stream(run, Responses(echo_of(run), starting_after=after), headers=about(run))

    async def cancel(request: Request) -> Response:
        run = await _stopped(server, await _found(request))
        return as_json(await response_of(server, run), headers=about(run))

    async def delete(request: Request) -> Response:
        run = await _stopped(server, await _found(request))
        store = server.service.store
        if len(await store.list_runs(run.owner, run.thread_id, limit=2)) == 1:
            await store.delete_thread(run.owner, run.thread_id)  # nobody else goes on in it
        await store.delete_run(run.id)
        return as_json({"id": request.path_params["response"], "object": "response", "deleted": True})

    async def input_items(request: Request) -> Response:
        run = await _found(request)
        items = items_of(lasting(run.input[run.options.get("before", 0) :]))
        return as_json(page(request, items))

    async def _found(request: Request) -> Run:
        return await found(server, await server.who(request), request.path_params["response"])

    return [
        Route("/v1/responses", answering(told, create), methods=["POST"]),
        Route("/v1/responses/{response}", answering(told, get), methods=["GET"]),
        Route("/v1/responses/{response}", answering(told, delete), methods=["DELETE"]),
        Route("/v1/responses/{response}/cancel", answering(told, cancel), methods=["POST"]),
        Route("/v1/responses/{response}/input_items", answering(told, input_items), methods=["GET"]),
        *conversations.routes(server),
        *responses_socket.routes(server),
    ]


async def _whole(server: Server, request: Request, run: Run) -> Response:
    run = await server.whole(request, run)
    log = await log_of(server, run)
    failure = failure_of(log[-1])
    if failure is not None and failure.code != "cancelled":
        return failed(failure, about(run))
    return as_json(await response_of(server, run), headers=about(run))


async def response_of(server: Server, run: Run) -> dict[str, Any]:
    """Return the response as it is now."""
    projection = Responses(echo_of(run))
    log = await log_of(server, run)
    for event in log:
        projection.step(event)
    response = projection.response()
    return response | {"status": "queued"} if run.status == "pending" and len(log) == 1 else response


async def _stopped(server: Server, run: Run) -> Run:
    """Cancel a run that lives, and return its record when it has ended or has taken too long to."""
    if run.status not in LIVE:
        return run
    await server.service.cancel(run.owner, run.id)
    try:
        async with asyncio.timeout(CANCEL_S):
            return await server.service.wait(run)
    except TimeoutError:
        return await server.service.run(run.owner, run.id)
