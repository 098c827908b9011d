"""Parts of messages to the content blocks of Converse.

What the API demands of each: no blank text, names of documents that are unique and harmless, ids of calls in its own
alphabet, arguments that are a JSON object, media inline in formats that it knows.
"""

import hashlib
import re
from collections.abc import Sequence

from sluice.chat.content import CacheMark, Media, MediaKind, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning
from sluice.dialects import objects
from sluice.errors import BadRequest

Block = dict[str, object]

_IMAGE = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_OFFICE = "application/vnd.openxmlformats-officedocument"
_DOCUMENT = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
    "application/json": "txt",
}
_AUDIO = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "mp4",
    "audio/x-m4a": "m4a",
    "audio/m4a": "m4a",
    "audio/webm": "webm",
    "audio/pcm": "pcm",
    "audio/pcm16": "pcm",
}
_VIDEO = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_FORMATS: dict[MediaKind, tuple[str, dict[str, str]]] = {
    "image": ("image", _IMAGE),
    "file": ("document", _DOCUMENT),
    "audio": ("audio", _AUDIO),
    "video": ("video", _VIDEO),
}

_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9()\[\]-]+")
_EXTENSION = re.compile(r"\.[a-zA-Z0-9]{1,5}$")
MAX_NAME = 180
"""Of a document's name; the API takes 200 characters, and a number may follow."""


class Blocks:
    """Writes the blocks of one request; it remembers the names of the documents. `marks`: the model takes cache
    marks."""

    def __init__(self, *, marks: bool) -> None:
        self._marks = marks
        self._names: set[str] = set()

    def of(self, parts: Sequence[Part], place: str) -> list[Block]:
        """Return the blocks of a message's parts, own seals among them. `place` is the message's, for errors.

        Raises:
            BadRequest: a file of a kind that the API does not take; arguments of a call that are no JSON object.
        """
        blocks: list[Block] = []
        for at, part in objects.placed(parts, place):
            block = self._block(part, at)
            if block is not None:
                blocks.append(block)
            self._mark(part, blocks)
        return blocks

    def _block(self, part: Part, place: str) -> Block | None:
        match part:
            case Text() | Refusal():
                return {"text": part.text} if part.text.strip() else None
            case Media():
                return self._media(part, place)
            case ToolUse():
                given = objects.arguments(part, place)
                return {"toolUse": {"toolUseId": call_id(part.id), "name": part.name, "input": given}}
            case ToolResult():
                return {"toolResult": self._result(part, place)}
            case Reasoning():
                return _reasoning(part)

    def _media(self, media: Media, place: str) -> Block:
        member, formats = _FORMATS[media.kind]
        kind = media.media_type.partition(";")[0].strip().lower()
        known = formats.get(kind)
        if known is None and media.kind == "file":
            known = _by_extension(media.name) or ("txt" if kind.startswith("text/") else None)
        if not media.data or known is None:
            raise BadRequest(
                f"'{place}': '{media.kind}' cannot be sent to Amazon Bedrock Converse: "
                + (f"it takes no {kind or 'file of an unknown type'}." if media.data else "it takes it inline only."),
                param=place,
            )
        block: Block = {"format": known}
        if media.kind == "file":
            block["name"] = self._name(media.name)
        return {member: block | {"source": {"bytes": media.data}}}

    def _name(self, name: str) -> str:
        """Alphanumerics, single blanks, hyphens, parentheses and brackets; never twice in a request."""
        neat = _NOT_IN_NAME.sub(" ", _EXTENSION.sub("", name)).strip()[:MAX_NAME].strip() or "document"
        unique, number = neat, 2
        while unique in self._names:
            unique, number = f"{neat} ({number})", number + 1
        self._names.add(unique)
        return unique

    def _result(self, result: ToolResult, place: str) -> Block:
        content: list[Block] = []
        for at, part in objects.placed(result.parts, place):
            if isinstance(part, Media) and part.kind == "audio":
                raise BadRequest(
                    f"'{at}': 'audio' cannot be sent to Amazon Bedrock Converse: a tool's result holds none there.",
                    param=at,
                )
            if (block := self._block(part, at)) is not None:
                content.append(block)
        whole: Block = {"toolUseId": call_id(result.call_id), "content": content}
        return whole | {"status": "error"} if result.is_error else whole

    def _mark(self, part: Part, blocks: list[Block]) -> None:
        """Mark what stands before, once; a mark inside a tool's result is moved behind it."""
        mark = None if isinstance(part, Refusal | Reasoning) else part.cache
        if mark is None and isinstance(part, ToolResult):
            mark = next((inner.cache for inner in part.parts if inner.cache is not None), None)
        if mark is not None and self._marks:
            add_mark(mark, blocks)


def add_mark(mark: CacheMark, blocks: list[Block]) -> None:
    """Mark what stands before, if there is something and it is not marked yet. Five minutes are what any mark means,
    and older models know no other."""
    if blocks and "cachePoint" not in blocks[-1]:
        longer = {} if mark.ttl in ("", "5m") else {"ttl": mark.ttl}
        blocks.append({"cachePoint": {"type": "default"} | longer})


def call_id(name: str) -> str:
    """The id of a tool call as the API allows it: the client's own, or one that is made of it and always the same."""
    if _ID.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{_NOT_IN_ID.sub('_', name)[:47]}_{digest}"


def _reasoning(part: Reasoning) -> Block | None:
    """Reasoning without a proof is not wanted back, nor is a proof of another provider's."""
    if part.seal is None:
        return None
    if part.seal.kind == "redacted":
        return {"reasoningContent": {"redactedContent": part.seal.data}}
    return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.seal.data}}}


def _by_extension(name: str) -> str | None:
    extension = name.rpartition(".")[2].lower()
    known = {"htm": "html", "markdown": "md", "text": "txt"}.get(extension, extension)
    return known if known in _DOCUMENT.values() else None
