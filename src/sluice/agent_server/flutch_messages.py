"""Messages as seed 004's clients spell them, into ours.

    {"role": "user", "content": "…"}                     the seed's history, OpenAI's
    {"type": "human", "content": […]}                    LangChain's
    {"lc": 1, "id": […, "HumanMessage"], "kwargs": {…}}  LangChain's, serialised
    "…"                                                  a user's text

Content is a text or a list of parts; attachments are `{"type": "image"|"voice"|"file", "value": URL or {"url", …}}`.
"""

from typing import Any

from sluice.errors import BadRequest
from sluice.runs.messages import DataPart, FilePart, Message, Part, Role, TextPart

_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "HumanMessage": "user",
    "HumanMessageChunk": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "developer": "system",
    "SystemMessage": "system",
}
"""Others, as a tool's result, are an agent's own affair: they are left out."""
_MEDIA = {"image": "image/*", "image_url": "image/*", "voice": "audio/*", "file": "application/octet-stream"}


def spoken(messages: Any, place: str) -> tuple[Message, ...]:
    """Return messages without those that say nothing.

    Raises:
        BadRequest: it is no list of messages; names the place.
    """
    if not isinstance(messages, list):
        raise BadRequest(f"{place} must be a list of messages", param=place)
    read = [_message(message, f"{place}[{number}]") for number, message in enumerate(messages)]
    return tuple(message for message in read if message is not None)


def _message(message: Any, place: str) -> Message | None:
    if isinstance(message, str):
        message = {"role": "user", "content": message}
    if not isinstance(message, dict):
        raise BadRequest(f"{place} must be a message", param=place)
    kind = message.get("role") or message.get("type")
    if "lc" in message and isinstance(message.get("kwargs"), dict):
        names = message.get("id")
        kind = names[-1] if isinstance(names, list) and names else None
        message = message["kwargs"]
    role = _ROLES.get(kind) if isinstance(kind, str) else None
    if kind is None:
        raise BadRequest(f"{place} has no role", param=place)
    parts = content(message.get("content"), f"{place}.content")
    if role is None or not parts:
        return None
    name = message.get("id")
    return Message(role=role, parts=parts, id=name if isinstance(name, str) else "")


def content(value: Any, place: str) -> tuple[Part, ...]:
    """Return the parts of a content, or of a list of attachments; None has none.

    Raises:
        BadRequest: it is neither a text nor a list of parts.
    """
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (TextPart(text=value),)
    if not isinstance(value, list):
        raise BadRequest(f"{place} must be a string or a list of parts", param=place)
    return tuple(_part(part, f"{place}[{number}]") for number, part in enumerate(value))


def _part(part: Any, place: str) -> Part:
    if isinstance(part, str):
        return TextPart(text=part)
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise BadRequest(f"{place} must be a part with a type", param=place)
    kind = part["type"]
    if kind == "text" and isinstance(part.get("text"), str):
        return TextPart(text=part["text"])
    if kind in _MEDIA:
        value = part.get("value", part.get(kind, part.get("url")))
        fields = {"url": value} if isinstance(value, str) else value
        if not isinstance(fields, dict) or not isinstance(fields.get("url"), str):
            raise BadRequest(f"{place} has no url", param=place)
        media = fields.get("mediaType") or fields.get("mimeType")
        name = fields.get("name")
        return FilePart(
            url=fields["url"],
            media_type=media if isinstance(media, str) else _MEDIA[kind],
            name=name if isinstance(name, str) else "",
        )
    return DataPart(data=part, name=kind)
