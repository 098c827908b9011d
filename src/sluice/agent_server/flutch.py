"""Seed 004: /stream, /generate, /cancel, /graph-types, /registry. agents.md B."""

from starlette.routing import BaseRoute

from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return []
