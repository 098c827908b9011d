"""Marks that let a provider keep the beginning of a prompt: of the tools, of the system messages, of the history.

Guarantee: marks of the client stay where they are and count; there are never more than `MAX_MARKS`, none where the
prompt up to it is too short, and none before one of the client's that lasts longer, which providers refuse. Nothing but
marks changes. Which provider takes marks, and how they are written, is the
dialects'.
Obeys: compat-agentgateway 1.5 and 2.3 (`promptCaching`); prompt-caching.html of Bedrock's user guide and
platform.claude.com/docs/en/build-with-claude/prompt-caching (read 2026-11-21).
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from sluice.chat.caching import MAX_MARKS, PromptCaching
from sluice.chat.content import CacheMark, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, Tool
from sluice.chat.seal import Reasoning

__all__ = ["MAX_MARKS", "PromptCaching", "marked"]

_MARK: Final = CacheMark()
_OURS: Final = ("", "5m")

Place = tuple[int, int]
"""In the order in which providers read a prompt: a section, and a tool or a message."""
_TOOLS, _SYSTEM, _TALK, _END = range(4)
_NOWHERE: Final = (-1, 0)


def marked(caching: PromptCaching, asked: Conversation) -> Conversation:
    """Return a conversation with its marks; the same object if none is added."""
    tools, messages = list(asked.tools), list(asked.messages)
    had = left = MAX_MARKS - _marks(asked)
    words, lasting = sum(map(_words_of_tool, tools)), _lasting(asked)
    free = lasting <= (_TOOLS, len(tools) - 1)
    if caching.tools and tools and free and left > 0 and caching.worth(words) and tools[-1].cache is None:
        tools[-1] = replace(tools[-1], cache=_MARK)
        left -= 1
    system = [at for at, message in enumerate(messages) if message.role == "system"]
    words += _words(messages[at] for at in system)
    if caching.system and system and lasting <= (_SYSTEM, system[-1]) and left > 0 and caching.worth(words):
        left -= _mark(messages, system[-1])
    talk = [at for at, message in enumerate(messages) if message.role != "system"]
    place = caching.place(len(talk))
    if place is not None and lasting <= (_TALK, talk[place]) and left > 0:
        words += _words(messages[at] for at in talk[: place + 1])
        if caching.worth(words):
            left -= _mark(messages, talk[place])
    return asked if left == had else replace(asked, tools=tuple(tools), messages=tuple(messages))


def _lasting(asked: Conversation) -> Place:
    """Where the client's last mark stands that lasts longer than ours, which last as long as the provider's own."""
    if asked.cache is not None and asked.cache.ttl not in _OURS:
        return _END, 0
    places = [(_TOOLS, i) for i, tool in enumerate(asked.tools) if tool.cache and tool.cache.ttl not in _OURS]
    for i, message in enumerate(asked.messages):
        if any(mark.ttl not in _OURS for part in message.parts for mark in _marks_of(part)):
            places.append((_SYSTEM if message.role == "system" else _TALK, i))
    return max(places, default=_NOWHERE)


def _mark(messages: list[Message], at: int) -> bool:
    """Mark the last part of a message that can bear it; return whether there is a new mark."""
    parts = list(messages[at].parts)
    place = next((i for i in reversed(range(len(parts))) if _bears(parts[i])), None)
    if place is None or any(_marks_of(part) for part in parts):
        return False
    parts[place] = replace(parts[place], cache=_MARK)
    messages[at] = replace(messages[at], parts=tuple(parts))
    return True


def _bears(part: Part) -> bool:
    """Blank text is not sent, and so cannot bear a mark."""
    return bool(part.text.strip()) if isinstance(part, Text) else not isinstance(part, Refusal | Reasoning)


def _marks_of(part: Part) -> list[CacheMark]:
    if isinstance(part, Refusal | Reasoning):
        return []
    inner = part.parts if isinstance(part, ToolResult) else ()
    return [mark for mark in (part.cache, *(piece.cache for piece in inner)) if mark is not None]


def _marks(asked: Conversation) -> int:
    found = sum(bool(_marks_of(part)) for message in asked.messages for part in message.parts)
    return found + sum(tool.cache is not None for tool in asked.tools) + (asked.cache is not None)


def _words(messages: Iterable[Message]) -> int:
    return sum(len(text.split()) for message in messages for part in message.parts for text in _texts(part))


def _words_of_tool(tool: Tool) -> int:
    schema = bytes(tool.parameters or b"").decode("utf-8", "replace")
    return len(f"{tool.name} {tool.description} {schema}".split())


def _texts(part: Part) -> Iterable[str]:
    match part:
        case Text() | Refusal() | Reasoning():
            yield part.text
        case ToolUse():
            yield part.arguments
        case ToolResult():
            yield from (piece.text for piece in part.parts if isinstance(piece, Text))
        case _:
            return
