"""Content blocks of a client's history, read as parts.

Every type has a row in `facts.FIELDS`: read here, left out, or refused; an unknown one is refused by its place.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from sluice.chat.carry import feature_of
from sluice.chat.content import CacheMark, Media, MediaKind, Part, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, SealKind, split_id, unwrap
from sluice.dialects.anthropic_messages import citations
from sluice.dialects.anthropic_messages.facts import row
from sluice.dialects.anthropic_messages.schema import MODULE_ID
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE, explain
from sluice.errors import BadRequest

T = TypeVar("T")


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


def _as_text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode()


def cache_mark(wire: WireCache | None) -> CacheMark | None:
    return None if wire is None else CacheMark(ttl=wire.ttl or "")


def read_at(read: Callable[[msgspec.Raw], T], raw: msgspec.Raw, place: str) -> T:
    """Read the value that stands at `place` of the body.

    Raises:
        BadRequest: it is not what the API allows; `param` is the place within it.
    """
    try:
        return read(raw)
    except UNREADABLE as error:
        told = explain(error, bytes(raw))
    if told.param is None:
        what = str(told).removeprefix("The body is not a valid request: ")
        raise BadRequest(f"Invalid value for '{place}': {what}", param=place)
    full = f"{place}{'' if told.param.startswith('[') else '.'}{told.param}"
    raise BadRequest(str(told).replace(f"'{told.param}'", f"'{full}'", 1), param=full)


class Blocks:
    """Reads blocks. `words` learns the place of the first image or document of each kind."""

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words
        self._known = dict(words)

    def parts(self, raws: Sequence[msgspec.Raw], place: str) -> tuple[Part, ...]:
        """Read the blocks at a place of the body.

        Raises:
            BadRequest: one of them cannot be translated; `param` names it.
        """
        try:
            return tuple(part for index, raw in enumerate(raws) for part in self._block(raw, f"{place}[{index}]"))
        except RecursionError:
            raise BadRequest(f"'{place}' is nested too deeply.", param=place) from None

    def _block(self, raw: msgspec.Raw, place: str) -> Sequence[Part]:
        block = read_at(_read_block, raw, place)
        match block.type:
            case "text":
                return [_text(block, place)]
            case "image":
                return [self._media("image", block, _source(block, place), place)]
            case "document":
                return self._document(block, place)
            case "search_result":
                return [self._search_result(block, place)]
            case "thinking":
                return [_reasoning(block.thinking or "", block.signature, "reasoning")]
            case "redacted_thinking":
                return [_reasoning("", block.data, "redacted")] if block.data else []
            case "tool_use":
                return _tool_use(block, place)
            case "tool_result":
                return [self._tool_result(block, place)]
            case "tool_reference":
                return [Text(text=block.tool_name or "", cache=cache_mark(block.cache_control))]
            case "compaction":
                summary = _content(block, place)
                return [Text(text=summary)] if isinstance(summary, str) else []
            case _:
                return _left_out(block.type, place)

    def _media(self, kind: MediaKind, block: _Block, source: _Source, place: str) -> Media:
        media = _media(kind, block, source, place)
        feature = feature_of(media)
        if self._words.get(feature) == self._known.get(feature):  # the first of its kind
            self._words[feature] = f"{place}.source"
        return media

    def _document(self, block: _Block, place: str) -> Sequence[Part]:
        """A document of text is text to every model; others are files. What is said about it comes before it."""
        source = _source(block, place)
        context = [Text(text=block.context)] if block.context else []
        if source.type not in ("text", "content"):
            return [*context, self._media("file", block, source, place)]
        title = [Text(text=block.title)] if block.title else []
        mark = cache_mark(block.cache_control)
        if source.type == "text":
            return [*title, *context, Text(text=source.data, cache=mark)]
        if isinstance(source.content, str):
            return [*title, *context, Text(text=source.content, cache=mark)]
        return [*title, *context, *self.parts(source.content, f"{place}.source.content")]

    def _search_result(self, block: _Block, place: str) -> Text:
        at = f"{place}.content"
        inner = self.parts(read_at(_read_list, _needed(block.content, at), at), at)
        at = f"{place}.source"
        source = read_at(_read_str, _needed(block.source, at), at)
        lines = [block.title or "", source, *(part.text for part in inner if isinstance(part, Text))]
        return Text(text="\n".join(line for line in lines if line), cache=cache_mark(block.cache_control))

    def _tool_result(self, block: _Block, place: str) -> ToolResult:
        call, _ = split_id(_said(block.tool_use_id, f"{place}.tool_use_id"))
        content = _content(block, place)
        if isinstance(content, list):
            inner = tuple(part for part in self.parts(content, f"{place}.content") if isinstance(part, Text | Media))
        else:
            inner = (Text(text=content),) if content else ()
        mark = cache_mark(block.cache_control)
        return ToolResult(call_id=call, parts=inner, is_error=bool(block.is_error), cache=mark)


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


def _content(block: _Block, place: str) -> str | list[msgspec.Raw] | None:
    return None if block.content is ABSENT else read_at(_read_content, block.content, f"{place}.content")


def _source(block: _Block, place: str) -> _Source:
    at = f"{place}.source"
    return read_at(_read_source, _needed(block.source, at), at)


# -- texts, images, documents -----------------------------------------------------------------------------------------


def _text(block: _Block, place: str) -> Text:
    told = block.citations is not ABSENT and block.citations != NULL
    raws = read_at(_read_list, block.citations, f"{place}.citations") if told else []
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


# -- reasoning and tools ----------------------------------------------------------------------------------------------


def _reasoning(text: str, token: str | None, kind: SealKind) -> Reasoning:
    """A signature of nobody's (`parts.UNSIGNED`) is none."""
    seal = unwrap(token, MODULE_ID, kind) if token else None
    return Reasoning(text, seal if seal is not None and seal.origin else None)


def _tool_use(block: _Block, place: str) -> Sequence[Part]:
    call, reasoning = split_id(_said(block.id, f"{place}.id"))
    raw = _needed(block.input, f"{place}.input")
    read_at(_read_object, raw, f"{place}.input")  # anything else is not this API's
    arguments = read_at(_as_text, raw, f"{place}.input")
    use = ToolUse(
        id=call,
        name=_said(block.name, f"{place}.name"),
        arguments=arguments,
        cache=cache_mark(block.cache_control),
    )
    return [*reasoning, use]


def _said(text: str | None, place: str) -> str:
    if not text:
        raise BadRequest(f"Missing required parameter: '{place}'.", param=place)
    return text
