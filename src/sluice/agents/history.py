"""A conversation as models and threads take it: every tool call once.

Logs keep what happened: a call whose run was cancelled has no result or a failed one, and a call that a person approved
stands in the run that asked and in the one that went on. A reader of the thread would see that call twice, and
providers refuse both.
"""

from collections.abc import Iterable, Sequence

import msgspec

from sluice.runs.messages import Message, Part, ToolCallPart, ToolResultPart

NEVER_RAN = "the call was not carried out"


def whole(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with each call where it stands first and its last result behind it; a result of no call is
    left out, and a call without one is said to have failed."""
    results = {part.id: part for message in messages for part in message.parts if isinstance(part, ToolResultPart)}
    if not results and not any(_calls(message) for message in messages):
        return list(messages)
    seen: set[str] = set()
    out: list[Message] = []
    for message in messages:
        if message.role == "tool":
            continue
        parts: list[Part] = [part for part in message.parts if not _again(part, seen)]
        if parts or not message.parts:
            out.append(
                message if len(parts) == len(message.parts) else msgspec.structs.replace(message, parts=tuple(parts))
            )
        for call in [part for part in parts if isinstance(part, ToolCallPart)]:
            seen.add(call.id)
            result = results.get(call.id) or ToolResultPart(id=call.id, error=NEVER_RAN)
            out.append(Message(role="tool", parts=(result,), id=f"{call.id}-result"))
    return out


def first_said(messages: Iterable[Message], before: Iterable[Message]) -> tuple[Message, ...]:
    """Return messages without the calls that were made `before`; one that is nothing else is left out."""
    made = {part.id for message in before for part in message.parts if isinstance(part, ToolCallPart)}
    out: list[Message] = []
    for message in messages:
        parts = tuple(part for part in message.parts if not _again(part, made))
        if parts or not message.parts:
            out.append(message if len(parts) == len(message.parts) else msgspec.structs.replace(message, parts=parts))
    return tuple(out)


def _calls(message: Message) -> bool:
    return any(isinstance(part, ToolCallPart) for part in message.parts)


def _again(part: Part, seen: set[str]) -> bool:
    return isinstance(part, ToolCallPart) and part.id in seen
