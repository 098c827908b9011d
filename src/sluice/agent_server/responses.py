"""The Responses API: /v1/responses. agents.md C.5."""

from starlette.routing import BaseRoute

from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return []
