"""The input of Responses: its items read as messages, and messages written as items again.

Source: platform.openai.com/docs/api-reference/responses/create and /input-items, read 2026-11-21.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from sluice.agent_server.openai_parts import Content, Function, call_of, parts_of, text_of
from sluice.errors import BadRequest
from sluice.runs.messages import (
    FilePart,
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    said,
)

Json = dict[str, Any]


class Item(msgspec.Struct, frozen=True):
    """An item; which members it has depends on its type."""

    type: str = "message"
    role: Literal["user", "assistant", "system", "developer"] = "user"
    content: str | list[Content] | None = None
    id: str | None = None
    call_id: str | None = None
    name: str = ""
    arguments: str = ""
    output: str | list[Content] | None = None
    summary: list[Content] | None = None
    approval_request_id: str | None = None
    approve: bool | None = None


def read(items: str | list[Item]) -> tuple[Message, ...]:
    """Return the messages of an input.

    Raises:
        BadRequest: an item of a type that there is not, or without what it should hold.
    """
    if isinstance(items, str):
        return (said(items),)
    return tuple(_message(item, f"input[{index}]") for index, item in enumerate(items))


def _message(item: Item, place: str) -> Message:
    match item.type:
        case "message":
            role: Role = "system" if item.role == "developer" else item.role
            return Message(role=role, parts=parts_of(item.content, f"{place}.content"))
        case "function_call":
            call = call_of(_needed(item.call_id, f"{place}.call_id"), Function(item.name, item.arguments))
            return Message(role="assistant", parts=(call,))
        case "function_call_output":
            call_id, text = _needed(item.call_id, f"{place}.call_id"), text_of(item.output, f"{place}.output")
            return Message(role="tool", parts=(ToolResultPart(id=call_id, output=text),))
        case "mcp_approval_response":
            call_id = _needed(item.approval_request_id, f"{place}.approval_request_id")
            return Message(role="tool", parts=(ToolResultPart(id=call_id, output=item.approve),))
        case "reasoning":
            return Message(role="assistant", parts=(ReasoningPart(text=text_of(item.summary, f"{place}.summary")),))
    raise BadRequest(f"{item.type!r} is no type of item that an agent takes", param=f"{place}.type")


def _needed(value: str | None, place: str) -> str:
    if value is None:
        raise BadRequest("this is missing", param=place)
    return value


# -- and back ---------------------------------------------------------------------------------------------------------


def items_of(messages: Iterable[Message]) -> list[Json]:
    """Return messages as items, in their order."""
    return [item for message in messages for item in _items(message)]


def _items(message: Message) -> Iterator[Json]:
    content = [row for part in message.parts if (row := _content(part, message.role)) is not None]
    if content:
        head = {"id": f"msg_{message.id}", "type": "message", "status": "completed", "role": message.role}
        yield {**head, "content": content}
    for part in message.parts:
        match part:
            case ToolCallPart():
                text = part.input if isinstance(part.input, str) else _json({} if part.input is None else part.input)
                call = {"call_id": part.id, "name": part.name, "arguments": text}
                yield {"id": f"fc_{part.id}", "type": "function_call", "status": "completed", **call}
            case ToolResultPart():
                output = part.error or (part.output if isinstance(part.output, str) else _json(part.output))
                status = "incomplete" if part.error else "completed"
                head = {"id": f"fco_{part.id}", "type": "function_call_output", "status": status}
                yield {**head, "call_id": part.id, "output": output}
            case ReasoningPart():
                summary = [{"type": "summary_text", "text": part.text}]
                yield {"id": f"rs_{message.id}", "type": "reasoning", "summary": summary}


def _content(part: Part, role: Role) -> Json | None:
    match part:
        case TextPart() if role == "assistant":
            return {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
        case TextPart():
            return {"type": "input_text", "text": part.text}
        case FilePart() if role != "assistant" and part.media_type.startswith("image/"):
            return {"type": "input_image", "image_url": part.url, "detail": "auto"}
        case FilePart() if role != "assistant":
            place = {"file_data": part.url} if part.url.startswith("data:") else {"file_url": part.url}
            return {"type": "input_file", "filename": part.name, **place}
    return None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
