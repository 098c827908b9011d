"""Pieces of tool calls to whole calls: each piece goes to the call of its index, however they are interleaved."""

from typing import Any

import msgspec

from sluice.agents.model import ToolCallDelta
from sluice.runs.messages import ToolCallPart


class _Call:
    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = self.name = ""
        self.arguments: list[str] = []


class CallFold:
    """The calls of one answer."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}

    def step(self, delta: ToolCallDelta) -> None:
        """Take the next piece."""
        call = self._calls.setdefault(delta.index, _Call())
        call.id = call.id or delta.id
        call.name = call.name or delta.name
        if delta.arguments:
            call.arguments.append(delta.arguments)

    def parts(self) -> tuple[ToolCallPart, ...]:
        """Return the calls so far, in the order of their indices. Arguments that are no JSON stay the text they are."""
        return tuple(
            ToolCallPart(id=call.id, name=call.name, input=read_arguments("".join(call.arguments)))
            for _, call in sorted(self._calls.items())
        )


def read_arguments(text: str) -> Any:
    """Return the arguments of a call; no text is no arguments, and what is no JSON stays text."""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
