"""The native protocol: any run, read in any protocol, stopped and resumed; the agents there are. agents.md D.4.

Runs are begun by `langgraph_runs`: the names of both are the Agent Protocol's.
"""

from hashlib import sha256
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.agent_schemas import schemas
from sluice.agent_server.conversation import conversation
from sluice.agent_server.run_json import message_json, run_json
from sluice.agent_server.run_streams import reading
from sluice.agent_server.server import Server, answering, as_json, cursor, number, problem, takes
from sluice.agents.agent import Agent
from sluice.agents.asked import Answer
from sluice.errors import Conflict
from sluice.runs.records import LIVE


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    """What `POST /runs/{r}/resume` takes: answers by interrupt, or one `value` for whichever is first."""

    answers: dict[str, Answer] = {}
    value: Any = None


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    service = server.service

    async def show(request: Request) -> Response:
        return as_json(run_json(await service.run(await server.who(request), request.path_params["run"])))

    async def stream(request: Request) -> Response:
        run = await service.run(await server.who(request), request.path_params["run"])
        after = cursor(request)
        if after and run.status not in LIVE and after == run.last_seq:
            return Response(status_code=204)  # has all of it: an EventSource would otherwise come back for ever
        return server.stream(run, await reading(service, run, request, "native"), after=after)

    async def wait(request: Request) -> Response:
        run = await service.run(await server.who(request), request.path_params["run"])
        return as_json(run_json(await server.whole(request, run)))

    async def cancel(request: Request) -> Response:
        run = await service.cancel(await server.who(request), request.path_params["run"])
        if number(request, "wait", 0, 1):
            run = await server.whole(request, run)
        return as_json(run_json(run), 202 if run.status in LIVE else 200)

    @takes(Resume)
    async def resume(request: Request) -> Response:
        owner = await server.who(request)
        run = await service.run(owner, request.path_params["run"])
        body = await server.body_or(request, Resume())
        if run.status != "interrupted":
            raise Conflict(f"run {run.id!r} asks nothing: it is {run.status}")
        answers = body.answers or {"*": Answer(value=body.value)}
        resumed = await service.resume(
            owner,
            run.id,
            answers,
            agent=f"{run.agent}::{run.version}",
            request_id=request.headers.get("idempotency-key", ""),
            digest=sha256(msgspec.json.encode(body)).hexdigest(),
        )
        if "text/event-stream" in request.headers.get("accept", "") or "protocol" in request.query_params:
            return server.stream(resumed, await reading(service, resumed, request, "native"))
        return as_json(run_json(resumed), 201, headers={"location": f"/runs/{resumed.id}/stream"})

    async def messages(request: Request) -> Response:
        said = await service.messages(await server.who(request), request.path_params["thread"])
        return as_json([message_json(message) for message in said])

    async def follow(request: Request) -> Response:
        owner = await server.who(request)
        thread = await service.thread(owner, request.path_params["thread"])
        return await conversation(server, thread, request, cursor(request))

    return [
        Route("/runs/{run}", answering(problem, show), methods=["GET"]),
        Route("/runs/{run}/stream", answering(problem, stream), methods=["GET"]),
        Route("/runs/{run}/wait", answering(problem, wait), methods=["GET"]),
        Route("/runs/{run}/cancel", answering(problem, cancel), methods=["POST"]),
        Route("/runs/{run}/resume", answering(problem, resume), methods=["POST"]),
        Route("/threads/{thread}/messages", answering(problem, messages), methods=["GET"]),
        Route("/threads/{thread}/stream", answering(problem, follow), methods=["GET"]),
    ]


def catalogue(server: Server) -> list[BaseRoute]:
    """Return the routes of what agents there are. They stand once, above those of each agent."""
    agents = server.service.catalogue

    async def everything(request: Request) -> Response:
        await server.who(request)
        return as_json([agent_json(agents.newest(name)) for name in agents.names])

    async def one(request: Request) -> Response:
        await server.who(request)
        return as_json(agent_json(agents.get(request.path_params["agent"])))

    async def described(request: Request) -> Response:
        await server.who(request)
        return as_json(schemas(agents.get(request.path_params["agent"])))

    def agent_json(agent: Agent) -> dict[str, Any]:
        return {
            "name": agent.name,
            "version": agent.version,
            "versions": [other.version for other in agents if other.name == agent.name],
            "description": agent.description,
            "metadata": agent.metadata,
            "model": agent.model,
            "default": agent.name == agents.default.name,
            "tools": [{"name": tool.name, "description": tool.spec.description} for tool in agent.tools.values()],
        }

    return [
        Route("/agents", answering(problem, everything), methods=["GET"]),
        Route("/agents/{agent}", answering(problem, one), methods=["GET"]),
        Route("/agents/{agent}/schemas", answering(problem, described), methods=["GET"]),
    ]
