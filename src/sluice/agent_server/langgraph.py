"""Threads, runs, assistants and the store as `langgraph-sdk` calls them: the Agent Protocol. agents.md C.4, D.4.

Facts from the client (`langgraph-sdk` 0.4.14, MIT) and the open protocol (langchain-ai/agent-protocol, MIT).
"""

from starlette.routing import BaseRoute

from sluice.agent_server import langgraph_assistants, langgraph_items, langgraph_runs, langgraph_threads
from sluice.agent_server.server import Server


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    return [
        *langgraph_threads.routes(server),
        *langgraph_runs.routes(server),
        *langgraph_assistants.routes(server),
        *langgraph_items.routes(server),
    ]
