"""A model request as the body of a chat completion: what the gateway, asked in process, reads like any client's.

Tool call ids are sent back as they came, whatever their length: the gateway keeps other APIs' proofs of reasoning in
them (chat/seal.py). Source: platform.openai.com/docs/api-reference/chat, read 2026-11-21.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sluice.agents.history import whole
from sluice.agents.model import ModelRequest, ToolSpec
from sluice.dialects.openai_chat.models import bounds_completion, wants_reasoning
from sluice.runs.messages import (
    DataPart,
    FilePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

_Json = dict[str, Any]
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)[^,]*;base64,")
_CHAT = re.compile(r"gpt-5[^/]*-chat")
"""Models of a reasoning family that do not reason."""
_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}
_NAME = re.compile(r"[^A-Za-z0-9_-]")


def body(request: ModelRequest, model: str) -> bytes:
    """Return the request as the body of a streamed chat completion. What was not said is not sent; 0 is 0."""
    history = whole(request.messages)
    said: _Json = {
        "model": model,
        "messages": [row for message in history for row in _rows(message, model)],
        "stream": True,
        "stream_options": {"include_usage": True},
        **_numbers(request, model),
    }
    if request.tools:
        said["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice != "auto":
            said["tool_choice"] = _choice(request.tool_choice)
    if request.stop:
        said["stop"] = list(request.stop)
    if request.reasoning_effort:
        said["reasoning_effort"] = request.reasoning_effort
    if request.response_schema is not None:
        schema = {"name": "answer", "schema": request.response_schema, "strict": True}
        said["response_format"] = {"type": "json_schema", "json_schema": schema}
    return msgspec.json.encode(said)


def reasons(model: str) -> bool:
    """Whether a model reasons and so takes no other temperature than 1, and its bound as `max_completion_tokens`."""
    return bounds_completion(model) and _CHAT.search(model.lower()) is None


def _numbers(request: ModelRequest, model: str) -> _Json:
    numbers: _Json = {"temperature": request.temperature, "top_p": request.top_p, "max_tokens": request.max_tokens}
    if bounds_completion(model):
        numbers["max_completion_tokens"] = numbers.pop("max_tokens")
    if reasons(model):
        numbers["temperature"] = None if request.temperature is None else 1
        numbers["top_p"] = None
    return {name: value for name, value in numbers.items() if value is not None}


def _tool(tool: ToolSpec) -> _Json:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    function: _Json = {"name": tool.name, "parameters": parameters}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _choice(choice: str) -> object:
    return choice if choice in ("none", "required") else {"type": "function", "function": {"name": choice}}


# -- messages ---------------------------------------------------------------------------------------------------------


def _rows(message: Message, model: str) -> list[_Json]:
    if message.role == "tool":
        return [_result(part) for part in message.parts if isinstance(part, ToolResultPart)]
    if message.role == "assistant":
        return _assistant(message, model)
    content = _content(message.parts)
    name = {"name": _NAME.sub("_", message.name)[:64]} if message.name else {}
    return [{"role": message.role, "content": content, **name}]


def _assistant(message: Message, model: str) -> list[_Json]:
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCallPart)]
    text = message.text
    if not text and not calls:
        return []
    row: _Json = {"role": "assistant", "content": text or None}
    if calls:
        row["tool_calls"] = calls
        if wants_reasoning(model):
            thought = "".join(part.text for part in message.parts if isinstance(part, ReasoningPart))
            row["reasoning_content"] = thought
    return [row]


def _call(part: ToolCallPart) -> _Json:
    arguments = part.input if isinstance(part.input, str) else as_text({} if part.input is None else part.input)
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": arguments}}


def _result(part: ToolResultPart) -> _Json:
    return {"role": "tool", "tool_call_id": part.id, "content": told_model(part)}


def told_model(part: ToolResultPart) -> str:
    """Return a tool's result as its model reads it."""
    return f"Error: {part.error}" if part.error else as_text(part.output)


def as_text(value: object) -> str:
    """Return a value as a model reads it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _content(parts: Sequence[Part]) -> object:
    """A text if that is all there is, else a list of parts."""
    if all(isinstance(part, TextPart) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, TextPart))
    return [row for part in parts if (row := _part(part)) is not None]


def _part(part: Part) -> Mapping[str, Any] | None:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case DataPart():
            return {"type": "text", "text": as_text(part.data)}
        case FilePart():
            return _file(part)
    return None


def _file(part: FilePart) -> _Json:
    match = _DATA_URL.match(part.url)
    media_type = (match["type"] if match else "") or part.media_type
    if media_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": part.url}}
    if match and media_type in _SOUNDS:
        sound = {"data": part.url[match.end() :], "format": _SOUNDS[media_type]}
        return {"type": "input_audio", "input_audio": sound}
    if match:
        return {"type": "file", "file": {"file_data": part.url, "filename": part.name or "file"}}
    return {"type": "text", "text": f"{part.name or 'File'}: {part.url}"}
