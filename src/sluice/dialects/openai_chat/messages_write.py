"""Messages of the vocabulary as those of chat completions.

Tools' results are messages of their own, right behind the calls; what they hold besides text follows in a user's
message, once all results are said.
"""

import hashlib
from collections.abc import Iterable, Sequence

from sluice.chat.carry import own_seals
from sluice.chat.content import CacheMark, Media, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning
from sluice.dialects.openai_chat.facts import FACTS, MODULE_ID
from sluice.dialects.openai_chat.models import takes_cache_marks, wants_reasoning
from sluice.errors import BadRequest

_MAX_ID = 40
"""Characters of a call's id that OpenAI accepts (error `string_above_max_length`)."""
_AUDIO = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}

_Json = dict[str, object]


class Writer:
    """Writes one list of messages for one model."""

    def __init__(self, model: str) -> None:
        self._marks = takes_cache_marks(model)
        self._wants_reasoning = wants_reasoning(model)
        self._rows: list[_Json] = []
        self._attached: list[_Json] = []
        """Parts that results held and that no tool's message can: for the next user's message."""

    def write(self, messages: Iterable[Message]) -> list[_Json]:
        """Return the messages as JSON values.

        Raises:
            BadRequest: a part that this API has no form for.
        """
        for message in messages:
            parts = own_seals(message, MODULE_ID)
            if message.role == "assistant":
                self._flush()
                self._assistant(message, parts)
            elif message.role == "system":
                self._flush()
                self._say(message, self._joined([part for part in parts if isinstance(part, Text)], "\n\n"))
            else:
                self._user(message, parts)
        self._flush()
        return self._rows

    def _say(self, message: Message, content: object, **more: object) -> None:
        name = {"name": message.name} if message.name else {}
        self._rows.append({"role": message.role, "content": content, **name, **more})

    def _flush(self) -> None:
        if self._attached:
            self._rows.append({"role": "user", "content": self._attached})
            self._attached = []

    # -- users --------------------------------------------------------------------------------------------------------

    def _user(self, message: Message, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, ToolResult):
                self._result(part)
        rest = [part for part in parts if isinstance(part, Text | Media)]
        if not rest and parts:
            return
        attached, self._attached = self._attached, []
        plain = len(rest) == 1 and isinstance(rest[0], Text) and not attached and not self._marked(rest[0])
        if not rest:
            self._say(message, "")
        elif plain and isinstance(rest[0], Text):
            self._say(message, rest[0].text)
        else:
            self._say(message, [*attached, *map(self._part, rest)])

    def _result(self, result: ToolResult) -> None:
        texts = [part for part in result.parts if isinstance(part, Text)]
        media = [part for part in result.parts if isinstance(part, Media)]
        call_id = short_id(result.call_id)
        content = self._joined(texts, "\n")
        if media:
            self._attached.append({"type": "text", "text": f"Attached to the result of the tool call {call_id}:"})
            self._attached += map(self._part, media)
            content = content or "The result is attached to the next message."
        mark = self._control(result.cache)
        self._rows.append({"role": "tool", "tool_call_id": call_id, "content": content, **mark})

    def _joined(self, texts: Sequence[Text], between: str) -> object:
        """One text, unless a cache mark has to stand at one of them: servers that take no list of parts are many."""
        if any(map(self._marked, texts)):
            return [self._part(text) for text in texts]
        return between.join([part.text for part in texts])

    # -- assistants ---------------------------------------------------------------------------------------------------

    def _assistant(self, message: Message, parts: Sequence[Part]) -> None:
        texts = [part for part in parts if isinstance(part, Text)]
        refusal = "".join([part.text for part in parts if isinstance(part, Refusal)])
        calls = [self._call(part) for part in parts if isinstance(part, ToolUse)]
        thought = "".join([part.text for part in parts if isinstance(part, Reasoning)])
        more: _Json = {}
        if refusal:
            more["refusal"] = refusal
        if self._wants_reasoning and (thought or calls):
            more["reasoning_content"] = thought  # with calls even an empty one: DeepSeek and Kimi refuse its absence
        if calls:
            more["tool_calls"] = calls
        if not texts and not more and message.parts:
            return  # it held nothing but what stays behind
        self._say(message, (self._joined(texts, "") if texts else None) if more else self._joined(texts, ""), **more)

    def _call(self, call: ToolUse) -> _Json:
        function = {"name": call.name, "arguments": call.arguments or "{}"}
        return {"id": short_id(call.id), "type": "function", "function": function}

    # -- parts --------------------------------------------------------------------------------------------------------

    def _marked(self, part: Text | Media) -> bool:
        return self._marks and part.cache is not None

    def _control(self, mark: CacheMark | None) -> _Json:
        return {"cache_control": cache_control(mark)} if mark is not None and self._marks else {}

    def _part(self, part: Text | Media) -> _Json:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text, **self._control(part.cache)}
        return {**_media(part), **self._control(part.cache)}


def cache_control(mark: CacheMark) -> dict[str, str]:
    return {"type": "ephemeral", **({"ttl": mark.ttl} if mark.ttl else {})}


def _media(part: Media) -> _Json:
    match part.kind:
        case "image" | "video":
            kind = f"{part.kind}_url"
            default = "image/png" if part.kind == "image" else "video/mp4"
            url = part.url or _data_url(part, default)
            return {"type": kind, kind: {"url": url, **({"detail": part.detail} if part.detail else {})}}
        case "audio":
            form = _AUDIO.get(part.media_type.lower())
            if form is None or not part.data:
                what = part.media_type or "sound by reference"
                raise BadRequest(
                    f"'{what}' cannot be sent to {FACTS.title}: it takes WAV and MP3, inline.", param="audio"
                )
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": form}}
        case "file" if part.file_id:
            return {"type": "file", "file": {"file_id": part.file_id}}
        case "file":
            name = part.name or "file" + (".pdf" if part.media_type in ("", "application/pdf") else "")
            data = _data_url(part, "application/pdf")
            return {"type": "file", "file": {"filename": name, "file_data": data}}


def _data_url(part: Media, default: str) -> str:
    return f"data:{part.media_type or default};base64,{part.data}"


def short_id(call_id: str) -> str:
    """Return an id that OpenAI accepts: the same for the same, itself if it is short enough."""
    if len(call_id) <= _MAX_ID:
        return call_id
    return "call_" + hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
