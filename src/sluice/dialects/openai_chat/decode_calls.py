"""Tool calls in the deltas of a stream: which call a piece belongs to, and when a call can be named.

Bears what vendors send: no index, an index that does not begin at 0, the id repeated or missing, a name that comes
after the id. What leaves here is dense from 0, has a name where the provider gave one at all, and an id.
"""

import re

from sluice.chat.events import Event, ToolCallDelta, ToolCallStarted
from sluice.dialects.openai_chat.schema import Delta, FunctionPart, ToolCallPart

_NOT_IN_ID = re.compile("[^A-Za-z0-9_-]")


class _Call:
    """A call that the provider began. `index` is ours, -1 until it was started."""

    __slots__ = ("id", "index")

    def __init__(self, call_id: str) -> None:
        self.id, self.index = call_id, -1


class Calls:
    """The calls of one stream, by choice and by the provider's own index."""

    __slots__ = ("_calls", "_started", "answer_id")

    def __init__(self) -> None:
        self.answer_id = ""
        self._calls: dict[int, dict[int, _Call]] = {}
        self._started: dict[int, int] = {}
        """How many calls of each choice were started."""

    def read(self, choice: int, delta: Delta, events: list[Event]) -> None:
        calls = self._calls.setdefault(choice, {})
        parts = parts_of(delta)
        for position, part in enumerate(parts):
            native = part.index
            if native is None:
                native = _missing_index(part.id, calls, position if len(parts) > 1 else None)
            call = calls.get(native)
            if call is None:
                call = calls[native] = _Call(part.id or "")
            elif not call.id and call.index < 0:
                call.id = part.id or ""
            name, arguments = spoken(part)
            if call.index < 0 and (name or arguments):
                self._start(choice, call, name, events)
            if arguments:
                events.append(ToolCallDelta(choice, call.index, arguments))

    def finish(self, choice: int, events: list[Event]) -> bool:
        """Start what was announced and never named: the provider meant a call, and the client shall see it. Return
        whether the choice called anything."""
        for call in self._calls.get(choice, {}).values():
            if call.index < 0:
                self._start(choice, call, "", events)
        return choice in self._started

    def _start(self, choice: int, call: _Call, name: str, events: list[Event]) -> None:
        call.index = self._started.get(choice, 0)
        self._started[choice] = call.index + 1
        call_id = call.id or made_id(self.answer_id, choice, call.index)
        events.append(ToolCallStarted(choice, call.index, call_id, name))


def made_id(answer_id: str, choice: int, index: int) -> str:
    """Return an id for a call that has none (`function_call`, some local servers). No other answer has the same."""
    return f"call_{_NOT_IN_ID.sub('', answer_id)}_{choice}_{index}"


def spoken(part: ToolCallPart) -> tuple[str, str]:
    """Return what a piece says of name and arguments. The input of a custom tool is free text, no JSON."""
    if part.custom is not None:
        return part.custom.name or "", part.custom.input or ""
    function = part.function or FunctionPart()
    return function.name or "", function.arguments or ""


def parts_of(delta: Delta) -> list[ToolCallPart]:
    """The tool calls of a delta or message, the deprecated `function_call` among them."""
    parts = delta.tool_calls or []
    return [*parts, ToolCallPart(index=0, function=delta.function_call)] if delta.function_call else parts


def _missing_index(call_id: str | None, calls: dict[int, _Call], position: int | None) -> int:
    """Which call is meant by a delta that does not say: the one of that id, else a new one; without an id the one at
    its position among several, else the last."""
    if call_id:
        return next((index for index, known in calls.items() if known.id == call_id), max(calls, default=-1) + 1)
    return max(calls, default=0) if position is None else position
