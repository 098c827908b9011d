"""The messages of a chat completion request, in the vocabulary."""

import re
from collections.abc import Sequence

import msgspec

from sluice.chat.carry import feature_of
from sluice.chat.content import CacheMark, Citation, Media, MediaKind, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.conversation import with_tool_names
from sluice.chat.seal import Reasoning, split_id
from sluice.dialects.openai_chat import body, citations
from sluice.dialects.reading import ABSENT, NULL
from sluice.errors import BadRequest

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE)
_FORMAT = re.compile("[a-z0-9]{1,16}")


class Reader:
    """Reads one list of messages. `words` learns the place of the first part of each kind that not every provider
    takes."""

    def __init__(self, words: dict[str, str]) -> None:
        self._words = words
        self._legacy_ids: dict[str, str] = {}
        """The id that was made for the last `function_call` of each name: that API has none."""

    def read(self, messages: Sequence[body.ChatMessage]) -> tuple[Message, ...]:
        """Read all of them.

        Raises:
            BadRequest: a role, a part or a combination that this API does not have; `param` names the place.
        """
        if not messages:
            raise BadRequest("'messages' must hold at least one message.", param="messages")
        found = [self._message(f"messages[{index}]", message) for index, message in enumerate(messages)]
        return with_tool_names(tuple(found))

    def _message(self, place: str, message: body.ChatMessage) -> Message:
        match message.role:
            case "system" | "developer":
                return Message(role="system", parts=self._marked(place, message), name=self._name(place, message))
            case "user":
                if message.content is None:
                    raise BadRequest(f"Missing required parameter: '{place}.content'.", param=f"{place}.content")
                return Message(role="user", parts=self._marked(place, message), name=self._name(place, message))
            case "assistant":
                return Message(role="assistant", parts=self._answer(place, message), name=self._name(place, message))
            case "tool" | "function":
                return Message(role="user", parts=(self._result(place, message),))
        raise BadRequest(f"Invalid value for '{place}.role': '{message.role}'.", param=f"{place}.role")

    def _name(self, place: str, message: body.ChatMessage) -> str:
        if message.name:
            self._words.setdefault("participant", f"{place}.name")
        return message.name or ""

    def _marked(self, place: str, message: body.ChatMessage) -> tuple[Part, ...]:
        """The content; a cache mark on the message itself is one on its last part."""
        parts = self._content(place, message.content)
        if message.cache_control is None or not parts:
            return parts
        self._words.setdefault("cache", f"{place}.cache_control")
        last = parts[-1]
        if isinstance(last, Text | Media | ToolResult):
            last = msgspec.structs.replace(last, cache=_mark(message.cache_control))
        return (*parts[:-1], last)

    # -- assistants ---------------------------------------------------------------------------------------------------

    def _answer(self, place: str, message: body.ChatMessage) -> tuple[Part, ...]:
        if message.audio is not ABSENT and message.audio != NULL:
            raise BadRequest(f"'{place}.audio' cannot be translated: it is sound.", param=f"{place}.audio")
        calls, packed = self._calls(place, message)
        parts = list(self._marked(place, message))
        if message.refusal:
            parts.append(Refusal(text=message.refusal))
        parts = _cited(parts, message.annotations)
        if any(isinstance(part, Refusal) for part in parts):
            self._words.setdefault("refusals", f"{place}.refusal")
        first, rest = (packed[0], packed[1:]) if packed else ((), [])
        # Reasoning before the text, as providers demand it; what sealed the text behind it; what sealed a call right
        # before the call.
        before: list[Reasoning] = []
        behind: list[Reasoning] = []
        for part in first:
            stands_before = part.seal is None or part.seal.kind in ("reasoning", "redacted")
            (before if stands_before else behind).append(part)
        if not any(packed):
            before = self._shown(place, message)
        parts = [*before, *parts, *behind, *calls[:1]]
        for call, reasoning in zip(calls[1:], rest, strict=True):
            parts += [*reasoning, call]
        return tuple(parts)

    def _shown(self, place: str, message: body.ChatMessage) -> list[Reasoning]:
        """Reasoning under one of the names that vendors give it."""
        details = [detail.text or detail.summary or "" for detail in message.reasoning_details or ()]
        text = message.reasoning_content or message.reasoning or "".join(details)
        if not text:
            return []
        self._words.setdefault("reasoning_text", f"{place}.reasoning_content")
        return [Reasoning(text)]

    def _calls(self, place: str, message: body.ChatMessage) -> tuple[list[ToolUse], list[tuple[Reasoning, ...]]]:
        """The calls, and the reasoning that travelled in the id of each."""
        calls, packed = [], []
        for index, call in enumerate(message.tool_calls or ()):
            if call.function is None:
                at = f"{place}.tool_calls[{index}]"
                raise BadRequest(f"'{at}' of type '{call.type}' cannot be translated.", param=at)
            call_id, reasoning = split_id(call.id)
            calls.append(ToolUse(id=call_id, name=call.function.name, arguments=call.function.arguments or ""))
            packed.append(reasoning)
        if message.function_call is not None:
            legacy = message.function_call
            call_id = f"call_{len(self._legacy_ids)}_{re.sub('[^0-9]', '', place)}"
            self._legacy_ids[legacy.name] = call_id
            calls.append(ToolUse(id=call_id, name=legacy.name, arguments=legacy.arguments or ""))
            packed.append(())
        return calls, packed

    def _result(self, place: str, message: body.ChatMessage) -> ToolResult:
        mark = None if message.cache_control is None else _mark(message.cache_control)
        parts = self._content(place, message.content)
        content = tuple(part for part in parts if isinstance(part, Text | Media))
        if message.role == "function":
            name = message.name or ""
            return ToolResult(call_id=self._legacy_ids.get(name, f"call_{name}"), name=name, parts=content, cache=mark)
        if message.tool_call_id is None:
            raise BadRequest(f"Missing required parameter: '{place}.tool_call_id'.", param=f"{place}.tool_call_id")
        if any(isinstance(part, Media) for part in content):
            self._words.setdefault("tool_media", f"{place}.content")
        call_id, _ = split_id(message.tool_call_id)
        return ToolResult(call_id=call_id, name=message.name or "", parts=content, cache=mark)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _content(self, place: str, content: str | list[body.Part] | None) -> tuple[Part, ...]:
        if content is None:
            return ()
        if isinstance(content, str):
            return (Text(text=content),)
        return tuple(self._part(f"{place}.content[{index}]", part) for index, part in enumerate(content))

    def _part(self, place: str, part: body.Part) -> Part:
        control = part.cache_control or part.prompt_cache_breakpoint
        mark = None if control is None else _mark(control)
        if mark is not None:
            self._words.setdefault("cache", place)
        match part.type:
            case "text" if part.text is not None:
                return Text(text=part.text, cache=mark)
            case "refusal" if part.refusal is not None:
                return Refusal(text=part.refusal)
            case "image_url" if part.image_url is not None:
                return self._by_url(place, "image", part.image_url, mark)
            case "video_url" if part.video_url is not None:
                return self._by_url(place, "video", part.video_url, mark)
            case "input_audio" if part.input_audio is not None:
                return self._sound(place, part.input_audio, mark)
            case "file" if part.file is not None:
                return self._file(place, part.file, mark)
            case "text" | "refusal" | "image_url" | "video_url" | "input_audio" | "file":
                at = f"{place}.{part.type}"
                raise BadRequest(f"Missing required parameter: '{at}'.", param=at)
        raise BadRequest(f"'{place}' of type '{part.type}' cannot be translated.", param=place)

    def _by_url(self, place: str, kind: MediaKind, at: body.Url | str, mark: CacheMark | None) -> Media:
        url, detail = (at, None) if isinstance(at, str) else (at.url, at.detail)
        media_type, data = _taken_apart(url, f"{place}.{kind}_url.url")
        told = detail or ""
        media = Media(kind=kind, media_type=media_type, data=data, url="" if data else url, detail=told, cache=mark)
        self._words.setdefault(feature_of(media), place)
        return media

    def _sound(self, place: str, sound: body.Sound, mark: CacheMark | None) -> Media:
        if not _FORMAT.fullmatch(sound.format) or not sound.data:
            at = f"{place}.input_audio"
            raise BadRequest(f"Invalid value for '{at}': it needs data and a format.", param=at)
        self._words.setdefault("audio", place)
        return Media(kind="audio", media_type=f"audio/{sound.format}", data=sound.data, cache=mark)

    def _file(self, place: str, file: body.File, mark: CacheMark | None) -> Media:
        name = file.filename or ""
        if file.file_id:
            self._words.setdefault("file_id", place)
            return Media(kind="file", file_id=file.file_id, name=name, cache=mark)
        given, at = file.file_data or "", f"{place}.file.file_data"
        if not given:
            raise BadRequest(f"Missing required parameter: '{at}'.", param=at)
        if ":" not in given:  # base64 alone: the name is all that tells the type, and nearly all are PDFs
            media_type, data = "application/pdf", given
        else:
            media_type, data = _taken_apart(given, at)
        self._words.setdefault("file_data" if data else "file_url", place)
        return Media(kind="file", media_type=media_type, data=data, url="" if data else given, name=name, cache=mark)


def _mark(control: body.CacheControl) -> CacheMark:
    """OpenAI's lifetimes (`30m`, `12h`) are longer than the default of others: their longer one stands for them."""
    ttl = control.ttl or ""
    return CacheMark(ttl=ttl if ttl in ("", "5m", "1h") else "1h")


def _taken_apart(url: str, place: str) -> tuple[str, str]:
    """Return media type and base64 of a data URL, two empty texts for one of the web.

    Raises:
        BadRequest: it is neither.
    """
    if url[:5].lower() != "data:":
        if not url.lower().startswith(("http://", "https://")):
            raise BadRequest(f"Invalid value for '{place}': a URL (http, https or data) is expected.", param=place)
        return "", ""
    head = _DATA_URL.match(url)
    if head is None or len(url) == head.end():
        raise BadRequest(f"Invalid value for '{place}': a data URL must hold base64.", param=place)
    return (head["type"] or "").lower(), url[head.end() :]


def _cited(parts: list[Part], annotations: msgspec.Raw) -> list[Part]:
    """Give the citations of an echoed answer to its last text."""
    if annotations is ABSENT or annotations == NULL:
        return parts
    found = tuple(row for row in citations.citations(annotations) if isinstance(row, Citation))
    at = next((i for i in range(len(parts) - 1, -1, -1) if isinstance(parts[i], Text)), None)
    if at is not None and found:
        parts[at] = msgspec.structs.replace(parts[at], citations=found)
    return parts
