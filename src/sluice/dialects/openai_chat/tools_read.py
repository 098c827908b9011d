"""The tools of a chat completion request, and which of them must be called."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from sluice.chat.content import CacheMark
from sluice.chat.conversation import Tool, ToolChoice
from sluice.dialects.openai_chat import body
from sluice.dialects.openai_chat.facts import FACTS
from sluice.errors import BadRequest

_Mode = Literal["auto", "none", "required"]
_MODES: dict[str, _Mode] = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
"""`any` is Mistral's word."""


class Tools(msgspec.Struct, frozen=True):
    tools: tuple[Tool, ...] = ()
    choice: ToolChoice | None = None


def read_tools(asked: body.Body) -> Tools:
    """Read `tools` and `tool_choice`, or the deprecated `functions` and `function_call` where those are missing.

    Raises:
        BadRequest: a tool that cannot be translated, or a choice of one that is not there.
    """
    if asked.tools is None and asked.functions is not None:
        tools = tuple(_function(function, None) for function in asked.functions)
        return Tools(tools, _legacy_choice(asked.function_call, tools))
    found = (_tool(index, tool) for index, tool in enumerate(asked.tools or ()))
    return _chosen(asked.tool_choice, tuple(tool for tool in found if tool is not None))


def _tool(index: int, tool: body.Tool) -> Tool | None:
    """A function; None = a tool that the provider runs itself, which no other one has."""
    place = f"tools[{index}]"
    if tool.type == "custom":
        why = FACTS.fields["tools[].type=custom"].why
        raise BadRequest(f"'{place}' cannot be translated: {why}.", param=f"{place}.type")
    if tool.type != "function":
        return None
    if tool.function is None:
        raise BadRequest(f"Missing required parameter: '{place}.function'.", param=f"{place}.function")
    control = tool.cache_control or tool.function.cache_control
    mark = None if control is None else CacheMark(ttl=control.ttl or "")
    return _function(tool.function, mark)


def _function(function: body.FunctionTool, mark: CacheMark | None) -> Tool:
    parameters = function.parameters
    return Tool(
        name=function.name,
        description=function.description or "",
        parameters=None if parameters is None else msgspec.Raw(msgspec.json.encode(parameters)),
        strict=function.strict,
        cache=mark,
    )


def _chosen(choice: str | body.Choice | None, tools: tuple[Tool, ...]) -> Tools:
    if choice is None or (choice == "auto" and not tools):
        return Tools(tools)
    if isinstance(choice, str):
        return Tools(tools, ToolChoice(mode=_mode(choice, "tool_choice")))
    if choice.type == "allowed_tools" and choice.allowed_tools is not None:
        return _allowed(choice.allowed_tools, tools)
    if choice.type != "function" or choice.function is None:
        raise BadRequest(
            f"'tool_choice' names a tool that the provider runs itself: '{choice.type}' cannot be translated.",
            param="tool_choice",
        )
    return Tools(tools, _named(choice.function.name, tools, "tool_choice"))


def _allowed(allowed: body.Allowed, tools: tuple[Tool, ...]) -> Tools:
    """Only the allowed tools are sent on: no other API can allow some of many."""
    mode = _mode(allowed.mode, "tool_choice.allowed_tools.mode")
    names = {tool.function.name for tool in allowed.tools if tool.function is not None}
    return Tools(tuple(tool for tool in tools if tool.name in names), ToolChoice(mode=mode))


def _legacy_choice(choice: str | body.Named | None, tools: Sequence[Tool]) -> ToolChoice | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        return ToolChoice(mode=_mode(choice, "function_call"))
    return _named(choice.name, tools, "function_call")


def _mode(word: str, place: str) -> _Mode:
    mode = _MODES.get(word)
    if mode is None:
        raise BadRequest(f"Invalid value for '{place}': '{word}'.", param=place)
    return mode


def _named(name: str, tools: Sequence[Tool], place: str) -> ToolChoice:
    if all(tool.name != name for tool in tools):
        raise BadRequest(f"'{place}' names '{name}', which is not among the tools.", param=place)
    return ToolChoice(mode="named", name=name)
