"""JSON schemas of what an agent takes and gives: `/agents/{a}/schemas`, `/assistants/{a}/schemas`."""

from typing import Any

import msgspec

from sluice.agents.agent import Agent

_MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["user", "assistant", "system", "tool"]},
        "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
        "id": {"type": "string"},
    },
}
_MESSAGES: dict[str, Any] = {
    "type": "object",
    "properties": {"messages": {"type": "array", "items": _MESSAGE}},
}


def schemas(agent: Agent) -> dict[str, Any]:
    """Return the schemas of an agent. `config_schema` is that of its settings, if it has any; `context_schema` too."""
    settings = {} if agent.settings is None else _schema(agent.settings)
    return {
        "graph_id": agent.name,
        "input_schema": {**_MESSAGES, "title": f"{agent.name} input"},
        "output_schema": {**_MESSAGES, "title": f"{agent.name} output"},
        "state_schema": {**_MESSAGES, "title": f"{agent.name} state"},
        "config_schema": settings,
        "context_schema": settings,
        "tools": {tool.name: msgspec.to_builtins(tool.spec.parameters) for tool in agent.tools.values()},
    }


def _schema(kind: type[Any]) -> dict[str, Any]:
    """Return the JSON schema of a settings class: pydantic's own word if it is one of those, else msgspec's."""
    own = getattr(kind, "model_json_schema", None)
    made: dict[str, Any] = own() if own is not None else msgspec.json.schema(kind)
    return made
