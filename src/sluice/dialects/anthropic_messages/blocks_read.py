"""Content blocks of a client's history, read as parts.

Every type has a row in `facts.FIELDS`: read here, left out, or refused; an unknown one is refused by its place.
"""

from collections.abc import Sequence

import msgspec

from sluice.chat.content import CacheMark, Media, MediaKind, Part, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, SealKind, split_id, unwrap
from sluice.dialects.anthropic_messages import citations
from sluice.dialects.anthropic_messages.facts import row
from sluice.dialects.anthropic_messages.schema import MODULE_ID
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE, explain
from sluice.errors import BadRequest


class WireCache(msgspec.Struct):
    """`cache_control`; its type is `ephemeral`."""

    ttl: str | None = None


class _Source(msgspec.Struct):
    """Of an image or a document."""

    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    content: str | list[msgspec.Raw] = ""


class _Block(msgspec.Struct):
    """A block of any type. What differs in kind from type to type stays raw."""

    type: str
    text: str | None = None
    source: msgspec.Raw = ABSENT
    title: str | None = None
    context: str | None = None
    content: msgspec.Raw = ABSENT
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    tool_use_id: str | None = None
    tool_name: str | None = None
    is_error: bool | None = None
    cache_control: WireCache | None = None
    citations: msgspec.Raw = ABSENT


_read_block = msgspec.json.Decoder(_Block).decode
_read_source = msgspec.json.Decoder(_Source).decode
_read_content = msgspec.json.Decoder(str | list[msgspec.Raw] | None).decode
_read_str = msgspec.json.Decoder(str).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def parts(raws: Sequence[msgspec.Raw], place: str) -> tuple[Part, ...]:
    """Read the blocks at a place of the body.

    Raises:
        BadRequest: one of them cannot be translated; `param` names it.
    """
    return tuple(part for index, raw in enumerate(raws) for part in _block(raw, f"{place}[{index}]"))


def cache_mark(wire: WireCache | None) -> CacheMark | None:
    return None if wire is None else CacheMark(ttl=wire.ttl or "")


def at(place: str, error: Exception, raw: msgspec.Raw) -> BadRequest:
    """Turn what reading a piece of the body raised into a sentence that names its place in the whole."""
    told = explain(error, bytes(raw))
    if told.param is None:
        return BadRequest(f"Invalid value for '{place}': {told}", param=place)
    full = f"{place}.{told.param}"
    return BadRequest(str(told).replace(f"'{told.param}'", f"'{full}'", 1), param=full)


def _block(raw: msgspec.Raw, place: str) -> Sequence[Part]:
    try:
        return _read(_read_block(raw), place)
    except UNREADABLE as error:
        raise at(place, error, raw) from None


def _read(block: _Block, place: str) -> Sequence[Part]:
    match block.type:
        case "text":
            return [_text(block)]
        case "image":
            return [_media("image", block, _read_source(_needed(block.source, f"{place}.source")), place)]
        case "document":
            return _document(block, place)
        case "search_result":
            return [_search_result(block, place)]
        case "thinking":
            return [_reasoning(block.thinking or "", block.signature, "reasoning")]
        case "redacted_thinking":
            return [_reasoning("", block.data, "redacted")] if block.data else []
        case "tool_use":
            return _tool_use(block, place)
        case "tool_result":
            return [_tool_result(block, place)]
        case "tool_reference":
            return [Text(text=block.tool_name or "", cache=cache_mark(block.cache_control))]
        case "compaction":
            summary = _content(block)
            return [Text(text=summary)] if isinstance(summary, str) else []
        case _:
            return _left_out(block.type, place)


def _left_out(kind: str, place: str) -> Sequence[Part]:
    field = row("messages[].content[]", kind)
    if field is None:
        raise BadRequest(f"Unsupported content for a translated request: '{kind}' in '{place}'.", param=place)
    if field.how == "refused":
        raise BadRequest(f"'{kind}' in '{place}' cannot be translated: {field.why}.", param=place)
    return ()


def _needed(raw: msgspec.Raw, place: str) -> msgspec.Raw:
    if raw is ABSENT or raw == NULL:
        raise BadRequest(f"Missing required parameter: '{place}'.", param=place)
    return raw


def _content(block: _Block) -> str | list[msgspec.Raw] | None:
    return None if block.content is ABSENT else _read_content(block.content)


# -- texts, images, documents -----------------------------------------------------------------------------------------


def _text(block: _Block) -> Text:
    raws = [] if block.citations is ABSENT or block.citations == NULL else _read_list(block.citations)
    return Text(text=block.text or "", cache=cache_mark(block.cache_control), citations=citations.read_all(raws))


def _media(kind: MediaKind, block: _Block, source: _Source, place: str) -> Media:
    mark, name = cache_mark(block.cache_control), block.title or ""
    match source.type:
        case "base64" if source.data:
            default = "application/pdf" if kind == "file" else ""
            media_type = source.media_type or default
            return Media(kind=kind, media_type=media_type, data=source.data, name=name, cache=mark)
        case "url" if source.url:
            return Media(kind=kind, media_type=source.media_type, url=source.url, name=name, cache=mark)
        case "file" if source.file_id:
            return Media(kind=kind, file_id=source.file_id, name=name, cache=mark)
    raise BadRequest(f"Unsupported or empty source: '{source.type}' in '{place}.source'.", param=f"{place}.source")


def _document(block: _Block, place: str) -> Sequence[Part]:
    """A document of text is text to every model; others are files. What is said about it comes before it."""
    source = _read_source(_needed(block.source, f"{place}.source"))
    context = [Text(text=block.context)] if block.context else []
    if source.type not in ("text", "content"):
        return [*context, _media("file", block, source, place)]
    title = [Text(text=block.title)] if block.title else []
    mark = cache_mark(block.cache_control)
    if source.type == "text":
        return [*title, *context, Text(text=source.data, cache=mark)]
    if isinstance(source.content, str):
        return [*title, *context, Text(text=source.content, cache=mark)]
    return [*title, *context, *parts(source.content, f"{place}.source.content")]


def _search_result(block: _Block, place: str) -> Text:
    inner = parts(_read_list(_needed(block.content, f"{place}.content")), f"{place}.content")
    source = _read_str(_needed(block.source, f"{place}.source"))
    lines = [block.title or "", source, *(part.text for part in inner if isinstance(part, Text))]
    return Text(text="\n".join(line for line in lines if line), cache=cache_mark(block.cache_control))


# -- reasoning and tools ----------------------------------------------------------------------------------------------


def _reasoning(text: str, token: str | None, kind: SealKind) -> Reasoning:
    """A signature of nobody's (`parts.UNSIGNED`) is none."""
    seal = unwrap(token, MODULE_ID, kind) if token else None
    return Reasoning(text, seal if seal is not None and seal.origin else None)


def _tool_use(block: _Block, place: str) -> Sequence[Part]:
    call, reasoning = split_id(_said(block.id, f"{place}.id"))
    raw = _needed(block.input, f"{place}.input")
    _read_object(raw)  # anything else is not this API's
    use = ToolUse(
        id=call,
        name=_said(block.name, f"{place}.name"),
        arguments=bytes(raw).decode(),
        cache=cache_mark(block.cache_control),
    )
    return [*reasoning, use]


def _tool_result(block: _Block, place: str) -> ToolResult:
    call, _ = split_id(_said(block.tool_use_id, f"{place}.tool_use_id"))
    content = _content(block)
    if isinstance(content, list):
        inner = tuple(part for part in parts(content, f"{place}.content") if isinstance(part, Text | Media))
    else:
        inner = (Text(text=content),) if content else ()
    return ToolResult(call_id=call, parts=inner, is_error=bool(block.is_error), cache=cache_mark(block.cache_control))


def _said(text: str | None, place: str) -> str:
    if not text:
        raise BadRequest(f"Missing required parameter: '{place}'.", param=place)
    return text
