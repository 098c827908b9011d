"""What messages are made of, in no vendor's words. Facts.

A message is parts in order. A tool's result is a part of a user's message. Positions matter: reasoning stands before
the tool call that it led to.
"""

from typing import Literal

import msgspec

from sluice.chat.seal import Reasoning

Role = Literal["system", "user", "assistant"]
MediaKind = Literal["image", "file", "audio", "video"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of a message."""


class CacheMark(_Part, frozen=True, kw_only=True):
    """Everything up to here is worth caching. `ttl` is `5m`, `1h`, or empty for the provider's default."""

    ttl: str = ""


class Citation(_Part, frozen=True, kw_only=True):
    """Where a text has something from. Positions are characters of the text it stands in; -1 = not said."""

    url: str = ""
    title: str = ""
    quote: str = ""
    """The cited words of the source."""
    start: int = -1
    end: int = -1
    document: int = -1
    """Which document of the request, counted from 0; -1 = none of them."""


class Text(_Part, frozen=True, kw_only=True):
    text: str
    cache: CacheMark | None = None
    citations: tuple[Citation, ...] = ()


class Refusal(_Part, frozen=True, kw_only=True):
    """The model declined, in these words."""

    text: str


class Media(_Part, frozen=True, kw_only=True):
    """An image, a file, sound: inline, by URL, or by the provider's own id. Exactly one of `data`, `url` and `file_id`
    is not empty."""

    kind: MediaKind
    media_type: str = ""
    """Empty = not said (by URL)."""
    data: str = ""
    """Base64 with padding, standard alphabet, as the client wrote it."""
    url: str = ""
    """`http` or `https`; a data URL was taken apart."""
    file_id: str = ""
    name: str = ""
    """File name or title; may be empty."""
    detail: str = ""
    """`low`, `high`, `auto`, or empty."""
    cache: CacheMark | None = None


class ToolUse(_Part, frozen=True, kw_only=True):
    """The model called a tool. `arguments` is JSON text as the model wrote it; empty means `{}`."""

    id: str
    name: str
    arguments: str
    cache: CacheMark | None = None


class ToolResult(_Part, frozen=True, kw_only=True):
    """What a tool gave back."""

    call_id: str
    name: str = ""
    """Of the tool, where the history tells it."""
    parts: tuple[Text | Media, ...] = ()
    is_error: bool = False
    cache: CacheMark | None = None


Part = Text | Refusal | Media | Reasoning | ToolUse | ToolResult


class Message(_Part, frozen=True, kw_only=True):
    """One message. Two of the same role may follow each other; a dialect that forbids it joins them."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""
    """Of the participant."""
