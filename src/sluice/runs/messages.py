"""What people and agents say to each other: messages of typed parts, as threads keep them and protocols read them."""

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import msgspec

Role = Literal["user", "assistant", "system", "tool"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """A part of a message."""


class TextPart(_Part, frozen=True, kw_only=True, tag="text", gc=False):
    text: str


class ReasoningPart(_Part, frozen=True, kw_only=True, tag="reasoning", gc=False):
    text: str


class FilePart(_Part, frozen=True, kw_only=True, tag="file", gc=False):
    url: str
    """May be a `data:` URL."""
    media_type: str = "application/octet-stream"
    name: str = ""


class DataPart(_Part, frozen=True, kw_only=True, tag="data", gc=False):
    data: Any
    name: str = ""


class ToolCallPart(_Part, frozen=True, kw_only=True, tag="tool_call", gc=False):
    """The agent called a tool."""

    id: str
    name: str
    input: Any = None


class ToolResultPart(_Part, frozen=True, kw_only=True, tag="tool_result", gc=False):
    """What the tool answered; in a message of the role `tool`."""

    id: str
    output: Any = None
    error: str = ""


Part: TypeAlias = TextPart | ReasoningPart | FilePart | DataPart | ToolCallPart | ToolResultPart


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`id` is empty for what came without one and is not stored yet."""

    role: Role
    parts: tuple[Part, ...]
    id: str = ""
    name: str = ""
    metadata: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """Its text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


TRANSIENT = "transient"
"""In a message's metadata: it is for its run alone, and no thread keeps it."""


def lasting(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return those messages that a thread keeps."""
    return tuple(message for message in messages if not message.metadata.get(TRANSIENT))


def said(text: str, role: Role = "user", id: str = "") -> Message:  # noqa: A002  # the field's own name
    """Return a message of one text."""
    return Message(role=role, parts=(TextPart(text=text),), id=id)


def last_text(messages: Iterable[Message]) -> str:
    """Return the text of the last message of a user; empty if there is none."""
    text = ""
    for message in messages:
        if message.role == "user":
            text = message.text
    return text
