"""How tool calls are written for this client: as it declared its tools.

Nearly always `tool_calls` of type `function`. A client that still sends the deprecated `functions` gets `function_call`
(one call only: there is no place for a second), a tool that was declared as `custom` is called as one.
"""

import msgspec

from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat.schema import UNREADABLE

FIRST = 0
"""The only call that `function_call` can say."""


class _Named(msgspec.Struct):
    name: str = ""


class _Declared(msgspec.Struct):
    custom: _Named | None = None


class CallForm(msgspec.Struct, frozen=True):
    """How this client wants its calls."""

    legacy: bool = False
    custom: frozenset[str] = frozenset()

    def finish(self, word: str) -> str:
        return "function_call" if self.legacy and word == "tool_calls" else word

    def start(self, position: int, call_id: str, name: str) -> dict[str, object] | None:
        """The delta that opens a call; None = it cannot be said."""
        if self.legacy:
            return {"function_call": {"name": name, "arguments": ""}} if position == FIRST else None
        kind, member = ("custom", "input") if name in self.custom else ("function", "arguments")
        return {"tool_calls": [{"index": position, "id": call_id, "type": kind, kind: {"name": name, member: ""}}]}

    def more(self, position: int, name: str, arguments: str) -> dict[str, object] | None:
        """The delta with more arguments."""
        if self.legacy:
            return {"function_call": {"arguments": arguments}} if position == FIRST else None
        if name in self.custom:
            return {"tool_calls": [{"index": position, "custom": {"input": arguments}}]}
        return {"tool_calls": [{"index": position, "function": {"arguments": arguments}}]}

    def whole(self, calls: list[tuple[str, str, str]]) -> dict[str, object]:
        """The members of a message for its calls, given as (id, name, arguments)."""
        if not calls:
            return {}
        if self.legacy:
            _, name, arguments = calls[FIRST]
            return {"function_call": {"name": name, "arguments": arguments}}
        return {"tool_calls": [self._whole(*call) for call in calls]}

    def _whole(self, call_id: str, name: str, arguments: str) -> dict[str, object]:
        if name in self.custom:
            return {"id": call_id, "type": "custom", "custom": {"name": name, "input": arguments}}
        return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}

    def no_arguments(self, name: str) -> str:
        """What a complete call has that came without any."""
        return "" if name in self.custom else "{}"


PLAIN = CallForm()
"""What nearly every client wants."""


def form_of(request: ChatRequest) -> CallForm:
    """Return the form that the client's own declaration of tools asks for."""
    tools = request.fields.get("tools")
    if tools is None:
        return CallForm(legacy=True) if "functions" in request.fields else PLAIN
    if b'"custom"' not in bytes(tools):
        return PLAIN
    try:
        declared = msgspec.json.decode(tools, type=list[_Declared])
    except UNREADABLE:
        return PLAIN
    return CallForm(custom=frozenset(tool.custom.name for tool in declared if tool.custom is not None))
