"""The client's tools, by the names that other APIs know them under.

Only functions have a name everywhere. A custom tool is sent as a function with one string member `input`; a tool of a
namespace as a function named after both. What comes back is a call of that function: this table says what the client
knows it as.
"""

from collections.abc import Mapping

import msgspec

from sluice.dialects.reading import UNREADABLE


class ClientTool(msgspec.Struct, frozen=True):
    """What the client calls a function that was sent for it."""

    name: str
    namespace: str = ""
    custom: bool = False


class ToolRow(msgspec.Struct):
    """A row of `tools`, of any type."""

    type: str = ""
    name: str | None = None
    tools: "list[ToolRow] | None" = None


_read_rows = msgspec.json.Decoder(list[ToolRow] | None).decode


def join_name(namespace: str, name: str) -> str:
    """Return the name of a function that stands for a tool of a namespace. `mcp__files__` and `read` give
    `mcp__files__read`."""
    if not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith("_") else f"{namespace}__{name}"


def client_tools(fields: Mapping[str, msgspec.Raw]) -> dict[str, ClientTool]:
    """Return those of a request's tools that are more than a plain function, by the names they are sent under. What
    cannot be read is none: whoever translates the request says so."""
    raw = fields.get("tools")
    try:
        rows = _read_rows(raw) if raw is not None else None
    except UNREADABLE:
        return {}
    known: dict[str, ClientTool] = {}
    for row in rows or ():
        if row.type == "custom":
            known[row.name or ""] = ClientTool(row.name or "", custom=True)
        elif row.type == "namespace":
            space = row.name or ""
            for inner in row.tools or ():
                name = inner.name or ""
                known[join_name(space, name)] = ClientTool(name, space, custom=inner.type == "custom")
    return known
