"""Messages of a conversation as this API wants them: two roles by turns, tools' results first, no empty block.

A run of messages of one role becomes one message. Reasoning goes back only with Anthropic's own proof, byte for byte.
"""

import base64
import binascii
import re
import zlib

from sluice.chat import carry
from sluice.chat.content import CacheMark, Media, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning
from sluice.dialects import claude, objects
from sluice.dialects.anthropic_messages.parts import sealed_block
from sluice.dialects.anthropic_messages.schema import MODULE_ID
from sluice.dialects.writing import whole
from sluice.errors import BadRequest

_Block = dict[str, object]
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")
_TTLS = ("5m", "1h")


def cache_control(mark: CacheMark) -> _Block:
    return {"type": "ephemeral", "ttl": mark.ttl} if mark.ttl in _TTLS else {"type": "ephemeral"}


def text(words: str, mark: CacheMark | None = None) -> _Block:
    return _marked({"type": "text", "text": words}, mark)


def tool_id(call_id: str) -> str:
    """Return a call's id as the API allows them; another one for each id, and always the same one."""
    safe = _FORBIDDEN.sub("_", call_id)
    return safe if safe == call_id and safe else f"{safe}_{zlib.crc32(whole(call_id).encode()):08x}"


def messages(history: tuple[Message, ...]) -> list[_Block]:
    """Write all messages but the system's.

    Raises:
        BadRequest: one holds what the API cannot be told; `param` names it.
    """
    turns: list[tuple[str, list[_Block]]] = []
    for index, message in enumerate(history):
        if message.role == "system":
            continue
        parts = claude.reasoning_first(carry.own_seals(message, MODULE_ID))
        places = objects.placed(parts, f"messages[{index}]")
        blocks = [block for place, part in places if (block := _block(part, message.role, place)) is not None]
        if turns and turns[-1][0] == message.role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((message.role, blocks))
    if turns and turns[-1][0] == "assistant":
        _strip_end(turns[-1][1])
    return [{"role": role, "content": _results_first(blocks)} for role, blocks in turns if blocks]


def _results_first(blocks: list[_Block]) -> list[_Block]:
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")  # stable


def _strip_end(blocks: list[_Block]) -> None:
    """What the model is to go on with must not end in white space."""
    last = blocks[-1] if blocks else {}
    if last.get("type") == "text":
        last["text"] = str(last["text"]).rstrip()


def _marked(block: _Block, mark: CacheMark | None) -> _Block:
    return block if mark is None else block | {"cache_control": cache_control(mark)}


def _block(part: Part, role: str, place: str) -> _Block | None:
    match part:
        case Text():
            return text(part.text, part.cache) if part.text.strip() else None
        case Refusal():
            return text(part.text) if part.text.strip() else None
        case Media():
            if role == "assistant":
                raise BadRequest(f"'{place}': an assistant's message cannot hold media here.", param=place)
            return _media(part, place)
        case Reasoning():
            return None if part.seal is None else sealed_block(part.text, part.seal)
        case ToolUse():
            return _tool_use(part, place)
        case ToolResult():
            return _tool_result(part, place)


def _tool_use(part: ToolUse, place: str) -> _Block:
    block: _Block = {"type": "tool_use", "id": tool_id(part.id), "name": part.name}
    return _marked(block | {"input": objects.arguments(part, place)}, part.cache)


def _tool_result(part: ToolResult, place: str) -> _Block:
    inner = [_block(piece, "user", at) for at, piece in objects.placed(part.parts, place)]
    blocks = [block for block in inner if block is not None]
    result: _Block = {"type": "tool_result", "tool_use_id": tool_id(part.call_id)}
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        result["content"] = blocks[0]["text"]
    elif blocks:
        result["content"] = blocks
    if part.is_error:
        result["is_error"] = True
    return _marked(result, part.cache)


# -- images and documents ---------------------------------------------------------------------------------------------


def _media(part: Media, place: str) -> _Block:
    if part.kind == "image":
        return _marked({"type": "image", "source": _source(part, part.media_type or "image/png")}, part.cache)
    kind = part.media_type.partition(";")[0].strip().lower() or "application/pdf"
    source = _source(part, kind)
    if part.data and kind.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _plain(part, place)}
    elif part.data and kind != "application/pdf":
        raise BadRequest(f"'{place}': a file of the type '{kind}' cannot be sent to Anthropic Messages.", param=place)
    block: _Block = {"type": "document", "source": source}
    return _marked(block | {"title": part.name} if part.name else block, part.cache)


def _source(part: Media, media_type: str) -> _Block:
    if part.url:
        return {"type": "url", "url": part.url}
    if part.file_id:
        return {"type": "file", "file_id": part.file_id}
    return {"type": "base64", "media_type": media_type, "data": part.data}


def _plain(part: Media, place: str) -> str:
    try:
        return base64.b64decode(part.data, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise BadRequest(f"'{place}': a file's data is not valid base64.", param=place) from None
