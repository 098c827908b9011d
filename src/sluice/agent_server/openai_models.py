"""Agents as models: GET /v1/models and /v1/models/NAME.

Source: platform.openai.com/docs/api-reference/models, read 2026-11-21. agents.md C.6, E.11.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.openai_answers import PREFIX, agent_of, told
from sluice.agent_server.server import Server, answering, as_json
from sluice.agents.agent import Agent


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def models(request: Request) -> Response:
        await server.who(request)
        catalogue = server.service.catalogue
        wanted = [server.agent(request)] if server.agent(request) else catalogue.names
        return as_json({"object": "list", "data": [_model(catalogue.get(name)) for name in wanted]})

    async def model(request: Request) -> Response:
        await server.who(request)
        name: str = request.path_params["model"]
        return as_json(_model(agent_of(server, request, name)) | {"id": name})

    return [
        Route("/v1/models", answering(told, models), methods=["GET"]),
        Route("/v1/models/{model:path}", answering(told, model), methods=["GET"]),
    ]


def _model(agent: Agent) -> dict[str, object]:
    return {
        "id": PREFIX + agent.name,
        "object": "model",
        "created": 0,
        "owned_by": "sluice",
        "name": agent.name,
        "version": agent.version,
        "description": agent.description,
    }
