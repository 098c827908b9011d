"""The chat page at /."""

from starlette.routing import BaseRoute

from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return []
