"""A2A 0.2 to 1.0 over JSON-RPC and REST: seed 003's surface. agents.md A.2, C.3."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server import a2a_card, a2a_rest, a2a_rpc, a2a_sage
from sluice.agent_server.server import Server, answering, problem


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def card(request: Request) -> Response:
        return a2a_card.endpoint(server, request)

    rpc = a2a_rpc.endpoint(server, shared=False)
    told = answering(problem, card)
    return [
        Route("/.well-known/agent.json", told, methods=["GET"]),
        Route("/.well-known/agent-card.json", told, methods=["GET"]),
        Route("/", a2a_rpc.endpoint(server, shared=True), methods=["POST"]),
        Route("/a2a", rpc, methods=["POST"]),
        Route("/a2a/{agent}", rpc, methods=["POST"]),
        *a2a_rest.routes(server),
        *a2a_sage.routes(server),
    ]
