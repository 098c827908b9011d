"""AG-UI 1.0: POST /ag-ui. agents.md C.2."""

from starlette.routing import BaseRoute

from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return []
