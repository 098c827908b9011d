"""Messages of another dialect to input items."""

from collections.abc import Iterator, Sequence

from sluice.chat.carry import own_seals
from sluice.chat.content import Media, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning
from sluice.dialects.openai_responses import foreign
from sluice.dialects.openai_responses.schema import MODULE_ID
from sluice.dialects.openai_responses.strings import call_id
from sluice.errors import BadRequest

_Members = dict[str, object]
_ENDINGS = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
}


def write_history(messages: Sequence[Message]) -> tuple[str, list[_Members]]:
    """Return the instructions and the items. System messages at the front are the instructions; later ones stay where
    they are, as the developer's. Without any other message they all stay: the API wants an input.

    Raises:
        BadRequest: an assistant's message holds an image or a file.
    """
    count = 0
    while count < len(messages) and _is_plain_system(messages[count]):
        count += 1
    if count == len(messages):
        count = 0
    texts = [part.text for message in messages[:count] for part in message.parts if isinstance(part, Text)]
    items = [item for message in messages[count:] for item in _items(message)]
    return "\n\n".join(text for text in texts if text), items


def _is_plain_system(message: Message) -> bool:
    return message.role == "system" and all(isinstance(part, Text) for part in message.parts)


def _items(message: Message) -> Iterator[_Members]:
    """A message is cut where a call, a result or reasoning stands between its texts: those are items of their own."""
    role = "developer" if message.role == "system" else message.role
    content: list[_Members] = []
    for part in own_seals(message, MODULE_ID):
        own = _item(part)
        if own is None:
            content += _content(part, assistant=role == "assistant")
            continue
        if content:
            yield {"type": "message", "role": role, "content": content}
            content = []
        yield own
    if content:
        yield {"type": "message", "role": role, "content": content}


def _item(part: Part) -> _Members | None:
    match part:
        case Reasoning(seal=seal) if seal is not None:
            return foreign.item(part)
        case ToolUse():
            arguments = part.arguments or "{}"
            return {"type": "function_call", "call_id": call_id(part.id), "name": part.name, "arguments": arguments}
        case ToolResult():
            return {"type": "function_call_output", "call_id": call_id(part.call_id), "output": _output(part)}
    return None


def _output(result: ToolResult) -> str | list[_Members]:
    """A text if that is all there is: servers that imitate the API know nothing else."""
    if not result.parts:
        return ""
    if len(result.parts) == 1 and isinstance(result.parts[0], Text):
        return result.parts[0].text
    return [_given(part) for part in result.parts]


def _content(part: Part, *, assistant: bool) -> list[_Members]:
    if isinstance(part, Refusal):
        return [{"type": "refusal", "refusal": part.text}]
    if isinstance(part, Media) and assistant:
        raise BadRequest(
            f"A message of the assistant cannot hold {_named(part)} in OpenAI Responses.", param="messages"
        )
    if isinstance(part, Text) and assistant:
        return [{"type": "output_text", "text": part.text}] if part.text else []
    return [_given(part)] if isinstance(part, Text | Media) else []


def _named(media: Media) -> str:
    return "an image" if media.kind == "image" else "a file"


def _given(part: Text | Media) -> _Members:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if part.kind == "image":
        source: _Members = {"file_id": part.file_id} if part.file_id else {"image_url": part.url or _inline(part)}
        return {"type": "input_image", **source, "detail": part.detail or "auto"}
    if part.file_id:
        return {"type": "input_file", "file_id": part.file_id}
    if part.url:
        return {"type": "input_file", "file_url": part.url}
    name = part.name or f"file.{_ENDINGS.get(part.media_type, 'bin')}"
    return {"type": "input_file", "filename": name, "file_data": _inline(part)}


def _inline(media: Media) -> str:
    kind = media.media_type or ("image/png" if media.kind == "image" else "application/octet-stream")
    return f"data:{kind};base64,{media.data}"
