"""Tools that a client brings and carries out itself, as OpenAI's chat completions and AG-UI name them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.errors import BadRequest
from sluice.runs.records import ToolSpec

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
"""What every provider takes."""


def functions(tools: Sequence[Mapping[str, Any]] | None) -> tuple[ToolSpec, ...]:
    """Return the functions of a chat completion's `tools`; tools of other types are nothing that a client carries out.

    Raises:
        BadRequest: one is not as it should be.
    """
    rows = [(n, tool) for n, tool in enumerate(tools or ()) if tool.get("type", "function") == "function"]
    return tuple(spec(tool.get("function"), f"tools[{n}].function") for n, tool in rows)


def spec(tool: Any, place: str) -> ToolSpec:
    """Return one tool: name, description, and the JSON schema of its arguments.

    Raises:
        BadRequest: it is not as it should be.
    """
    if not isinstance(tool, Mapping):
        raise BadRequest("an object is required", param=place)
    name, description, parameters = tool.get("name"), tool.get("description") or "", tool.get("parameters") or {}
    if not isinstance(name, str) or not _NAME.match(name):
        raise BadRequest("1 to 64 letters, digits, _ or - are required", param=f"{place}.name")
    if not isinstance(description, str):
        raise BadRequest("a text is required", param=f"{place}.description")
    if not isinstance(parameters, Mapping):
        raise BadRequest("a JSON schema is required", param=f"{place}.parameters")
    return ToolSpec(name=name, description=description, parameters=parameters)
