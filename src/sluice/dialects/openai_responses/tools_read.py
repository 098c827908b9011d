"""The client's tools, and which of them it wants to be called."""

import msgspec

from sluice.chat.conversation import Tool, ToolChoice
from sluice.dialects.openai_responses.facts import row
from sluice.dialects.openai_responses.places import read_at
from sluice.dialects.openai_responses.tool_names import join_name
from sluice.dialects.reading import ABSENT, NULL
from sluice.errors import BadRequest


class _Format(msgspec.Struct):
    type: str = ""
    syntax: str = ""
    definition: str = ""


class _Tool(msgspec.Struct):
    """A function, a custom tool or a namespace of both."""

    type: str = ""
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None
    format: _Format | None = None
    tools: list[msgspec.Raw] | None = None


class _Head(msgspec.Struct):
    type: str = ""


class _Choice(msgspec.Struct):
    type: str = ""
    name: str | None = None
    namespace: str | None = None
    mode: str = "auto"
    tools: list["_Choice"] | None = None


_read_rows = msgspec.json.Decoder(list[msgspec.Raw] | None)
_read_head = msgspec.json.Decoder(_Head)
_read_tool = msgspec.json.Decoder(_Tool)
_read_choice = msgspec.json.Decoder(str | _Choice | None)

_PLAIN_MODES = {"auto": "auto", "none": "none", "required": "required"}


def read_tools(raw: msgspec.Raw, place: str = "tools") -> list[Tool]:
    """Read the tools that a client can call; those that the provider runs are left out by the table.

    Raises:
        BadRequest: a tool is of an unknown type, or has no name.
    """
    return [
        tool
        for index, part in enumerate(read_at(raw, _read_rows, place) or ())
        for tool in _tools(part, "", f"{place}[{index}]")
    ]


def _tools(raw: msgspec.Raw, namespace: str, place: str) -> list[Tool]:
    kind = read_at(raw, _read_head, place).type
    if kind not in ("function", "custom", "namespace"):
        if row("tools[].type", kind) is not None:
            return []
        raise BadRequest(f"Unsupported type of tool for a translated request at '{place}': {kind!r}.", param=place)
    tool = read_at(raw, _read_tool, place)
    if not tool.name:
        raise BadRequest(f"Missing required parameter: '{place}.name'.", param=f"{place}.name")
    if kind == "namespace":
        inner = enumerate(tool.tools or ())
        return [found for index, part in inner for found in _tools(part, tool.name, f"{place}.tools[{index}]")]
    name = join_name(namespace, tool.name)
    if kind == "custom":
        return [_custom(name, tool)]
    parameters = None if tool.parameters in (ABSENT, NULL) else tool.parameters
    return [Tool(name=name, description=tool.description or "", parameters=parameters, strict=tool.strict)]


def _custom(name: str, tool: _Tool) -> Tool:
    """A function with one string. What the grammar would have enforced, the model is told."""
    description = tool.description or ""
    told = "The whole input of the tool, as plain text."
    if tool.format is not None and tool.format.definition:
        grammar = f"The input has to match this {tool.format.syntax} grammar:\n{tool.format.definition}"
        description = f"{description}\n\n{grammar}".strip()
    schema = {
        "type": "object",
        "properties": {"input": {"type": "string", "description": told}},
        "required": ["input"],
        "additionalProperties": False,
    }
    return Tool(name=name, description=description, parameters=msgspec.Raw(msgspec.json.encode(schema)))


def read_choice(raw: msgspec.Raw, tools: list[Tool]) -> tuple[list[Tool], ToolChoice | None]:
    """Read `tool_choice`; return the tools that it leaves and the choice among them.

    Raises:
        BadRequest: it demands a tool that the provider runs itself, or no tool that there is.
    """
    said = read_at(raw, _read_choice, "tool_choice")
    if said is None:
        return tools, None
    if isinstance(said, str):
        if said not in _PLAIN_MODES:
            raise BadRequest(f"Invalid value for 'tool_choice': {said!r}.", param="tool_choice")
        return tools, _choice(said, tools)
    if said.type in ("function", "custom"):
        return tools, ToolChoice(mode="named", name=join_name(said.namespace or "", said.name or ""))
    if said.type == "allowed_tools":
        names = {join_name(choice.namespace or "", choice.name or "") for choice in said.tools or ()}
        allowed = [tool for tool in tools if tool.name in names]
        return allowed, _choice("required" if said.mode == "required" else "auto", allowed)
    why = (
        f"the tool {said.type!r} runs at its provider"
        if row("tools[].type", said.type)
        else f"{said.type!r} is unknown"
    )
    raise BadRequest(f"'tool_choice' cannot be translated: {why}.", param="tool_choice")


def _choice(mode: str, tools: list[Tool]) -> ToolChoice | None:
    if tools:
        return ToolChoice(mode="required" if mode == "required" else "none" if mode == "none" else "auto")
    if mode == "required":
        raise BadRequest("'tool_choice' cannot be translated: no tool is left to be called.", param="tool_choice")
    return None
