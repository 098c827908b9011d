"""A2A 0.2 to 1.0 over JSON-RPC and REST: seed 003's surface. agents.md A.2, C.3."""

from starlette.routing import BaseRoute

from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return []
