"""Messages as LangGraph's clients write and read them: LangChain's JSON, flat, with `type` for the role.

Facts from the types of `langgraph-sdk` 0.4.14 (MIT) and agents.md C.4.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sluice.errors import BadRequest
from sluice.runs.messages import (
    DataPart,
    FilePart,
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

_ROLES: Mapping[str, Role] = {
    "human": "user",
    "user": "user",
    "HumanMessage": "user",
    "ai": "assistant",
    "assistant": "assistant",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "developer": "system",
    "SystemMessage": "system",
    "tool": "tool",
    "ToolMessage": "tool",
}
_TYPES: Mapping[Role, str] = {"user": "human", "assistant": "ai", "system": "system", "tool": "tool"}


# -- ours to theirs ---------------------------------------------------------------------------------------------------


def written(message: Message, calls: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return a message in their words. `calls`: the names of tool calls by id, for the messages of tools."""
    out: dict[str, Any] = {
        "content": _content(message.parts),
        "additional_kwargs": {},
        "response_metadata": {},
        "type": _TYPES[message.role],
        "name": message.name or None,
        "id": message.id or None,
    }
    if message.role == "assistant":
        made = [part for part in message.parts if isinstance(part, ToolCallPart)]
        out["tool_calls"] = [
            {"name": part.name, "args": part.input, "id": part.id, "type": "tool_call"} for part in made
        ]
        out |= {"invalid_tool_calls": [], "usage_metadata": None}
    for part in message.parts:
        if isinstance(part, ToolResultPart):
            out |= tool_result(part.id, part.output, part.error, calls.get(part.id, ""))
    return out


def tool_result(call: str, output: Any, error: str, name: str) -> dict[str, Any]:
    """Return what makes a message the result of a tool call."""
    return {
        "content": error or as_text(output),
        "tool_call_id": call,
        "name": name or None,
        "artifact": None,
        "status": "error" if error else "success",
    }


def all_written(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return messages in their words."""
    calls: dict[str, str] = {}
    out = []
    for message in messages:
        calls |= {part.id: part.name for part in message.parts if isinstance(part, ToolCallPart)}
        out.append(written(message, calls))
    return out


def rewritten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state or an update with its messages in their words, whoever's words those were."""
    messages = values.get("messages")
    if not isinstance(messages, list):
        return dict(values)
    return {**values, "messages": [_rewritten(message) for message in messages]}


def _rewritten(message: Any) -> Any:
    if isinstance(message, dict) and message.get("type") in _TYPES.values():
        return message
    try:
        return written(read(message, "messages"))
    except BadRequest:
        return message  # a state may hold what it likes


def as_text(value: Any) -> str:
    """Return a value as the text of a message: itself, or its JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _content(parts: Iterable[Part]) -> str | list[dict[str, Any]]:
    kept = [part for part in parts if not isinstance(part, ToolCallPart | ToolResultPart)]
    if all(isinstance(part, TextPart) for part in kept):
        return "".join(part.text for part in kept if isinstance(part, TextPart))
    return [_block(part) for part in kept]


def _block(part: Part) -> dict[str, Any]:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case ReasoningPart():
            return {"type": "reasoning", "reasoning": part.text}
        case FilePart() if part.media_type.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": part.url}}
        case FilePart():
            return {"type": "file", "url": part.url, "mime_type": part.media_type, "name": part.name}
        case DataPart():
            return {"type": "data", "data": part.data, "name": part.name}
        case _:
            return {}


# -- theirs to ours ---------------------------------------------------------------------------------------------------


def read(value: Any, place: str) -> Message:
    """Return a message that a client sent: theirs, `{"role", "content"}`, `["user", "hi"]`, a text, or our own.

    Raises:
        BadRequest: it is none of these; names the place.
    """
    if isinstance(value, str):
        return Message(role="user", parts=(TextPart(text=value),))
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value):
        value = {"role": value[0], "content": value[1]}
    if not isinstance(value, dict):
        raise BadRequest("a message is an object with `role` and `content`, or a text", param=place)
    if isinstance(value.get("data"), dict) and "type" in value:  # LangChain's nested form
        value = {**value["data"], "type": value["type"]}
    word = value.get("role") or value.get("type")
    role = _ROLES.get(word) if isinstance(word, str) else None
    if role is None:
        raise BadRequest(f"{word!r} is the role of no message", param=f"{place}.role")
    return Message(role=role, parts=_parts(role, value, place), id=_text(value, "id"), name=_text(value, "name"))


def read_all(value: Any, place: str) -> tuple[Message, ...]:
    """Return the messages of a list, or of one.

    Raises:
        BadRequest: as `read`.
    """
    if not isinstance(value, list):
        value = [value]
    return tuple(read(one, f"{place}[{index}]") for index, one in enumerate(value))


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _parts(role: Role, value: Mapping[str, Any], place: str) -> tuple[Part, ...]:
    if isinstance(value.get("parts"), list):
        return _own(value["parts"], f"{place}.parts")
    content = value.get("content", "")
    if role == "tool":
        failed = value.get("status") == "error"
        text = as_text(content)
        call = _text(value, "tool_call_id")
        return (ToolResultPart(id=call, output=None if failed else content, error=text if failed else ""),)
    parts: list[Part] = []
    if isinstance(content, str):
        parts += [TextPart(text=content)] if content or not value.get("tool_calls") else []
    elif isinstance(content, list):
        parts += [_part(block, f"{place}.content[{index}]") for index, block in enumerate(content)]
    else:
        raise BadRequest("the content of a message is a text or a list of blocks", param=f"{place}.content")
    for call in value.get("tool_calls") or ():
        if not isinstance(call, dict):
            raise BadRequest("a tool call is an object", param=f"{place}.tool_calls")
        parts.append(ToolCallPart(id=_text(call, "id"), name=_text(call, "name"), input=call.get("args")))
    return tuple(parts)


def _own(value: list[Any], place: str) -> tuple[Part, ...]:
    try:
        return msgspec.convert(value, tuple[Part, ...])
    except msgspec.ValidationError as error:
        raise BadRequest(f"these are no parts of a message: {error}", param=place) from None


def _part(block: Any, place: str) -> Part:
    if isinstance(block, str):
        return TextPart(text=block)
    if not isinstance(block, dict):
        raise BadRequest("a block of content is an object or a text", param=place)
    kind = block.get("type")
    if kind == "text":
        return TextPart(text=_text(block, "text"))
    if kind in ("reasoning", "thinking"):
        return ReasoningPart(text=_text(block, "reasoning") or _text(block, "thinking"))
    if kind == "image_url":
        image = block.get("image_url")
        return FilePart(url=image if isinstance(image, str) else _text(image or {}, "url"), media_type="image/*")
    if kind in ("image", "file", "audio", "video"):
        return _file(block, str(kind))
    return DataPart(data=block.get("data", block), name=_text(block, "name"))


def _file(block: Mapping[str, Any], kind: str) -> FilePart:
    media = _text(block, "mime_type") or ("application/octet-stream" if kind == "file" else f"{kind}/*")
    data = _text(block, "base64") or _text(block, "data")
    url = _text(block, "url") or f"data:{media};base64,{data}"
    return FilePart(url=url, media_type=media, name=_text(block, "name") or _text(block, "filename"))
