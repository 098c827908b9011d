"""Threads, runs, assistants and the store as langgraph-sdk calls them. agents.md C.4."""

from starlette.routing import BaseRoute

from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return []
