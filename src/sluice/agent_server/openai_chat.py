"""Agents as models: /v1/models and /v1/chat/completions. agents.md C.6."""

from starlette.routing import BaseRoute

from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return []
