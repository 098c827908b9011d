"""Sluice: a streaming gateway for large language models, and a streaming agent server."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "Agent": "sluice.agents.agent",
    "Graph": "sluice.agents.graph",
    "START": "sluice.agents.graph",
    "END": "sluice.agents.graph",
    "Context": "sluice.agents.context",
    "Reply": "sluice.agents.reply",
    "ToolError": "sluice.agents.tools",
    "App": "sluice.cli.embedding",
    "serve": "sluice.cli.embedding",
    "Client": "sluice.agent_client",
}
"""What programs import from here, and where it is. Looked up when it is asked for: the gateway loads none of it.
`__init__.pyi` says the same to type checkers."""
__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    place = _EXPORTS.get(name)
    if place is None:
        raise AttributeError(f"module 'sluice' has no attribute {name!r}")
    return getattr(import_module(place), name)


def __dir__() -> list[str]:
    return sorted(__all__)
