"""Events to the chunks of a Gemini stream, as server-sent events or as a JSON array.

A machine that cannot write an illegal order: every chunk has content with a part, as the official client's chats
want; the finish reasons and the usage come in one last chunk, and only for `Ended`; an event stream has `data` lines
and nothing else; a failure is a chunk whose first member is `error`.
"""

import msgspec

from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.request import Framing
from sluice.chat.usage import Usage
from sluice.dialects.gemini import errors, logprobs
from sluice.dialects.gemini.leftovers import SOURCES
from sluice.dialects.gemini.parts import Part, PartWriter
from sluice.dialects.gemini.schema import write_usage
from sluice.dialects.writing import to_json
from sluice.wire import json_array, sse

_NOTHING: Part = {"text": ""}


class _Choice:
    __slots__ = ("extra", "sourced", "tail", "writer")

    def __init__(self) -> None:
        self.writer = PartWriter()
        self.tail: list[Part] = []
        """Parts that were left at its end, for the last chunk."""
        self.extra: dict[str, msgspec.Raw] = {}
        self.sourced = False
        """The provider's own account of its sources was written."""


class GeminiStreamEncoder:
    """One stream to one client. See `StreamEncoder`."""

    def __init__(self, *, framing: Framing = "sse", asked_model: str = "") -> None:
        """`asked_model` is the `modelVersion` of chunks until the provider says one."""
        self._array = framing == "json_array"
        self._first = True
        self._names: dict[str, object] = {"modelVersion": asked_model} if asked_model else {}
        self._extra: dict[str, msgspec.Raw] = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._plain_tail = b""
        self._named()

    def encode(self, event: Event) -> bytes:
        if type(event) is TextDelta and event.channel == "text" and event.logprobs is None and event.text:
            return self._text(event.choice, event.text)
        match event:
            case Started():
                said = {"modelVersion": event.model, "responseId": event.id}
                self._names |= {name: value for name, value in said.items() if value}
                self._named()
            case Reported():
                self._usage = event.usage
            case Leftover():
                self._leftover(event)
            case Ended():
                return self._end()
            case Failed():
                return self._framed(errors.write(event.error)) + (json_array.CLOSE if self._array else b"")
            case (
                TextDelta()
                | ToolCallStarted()
                | ToolCallDelta()
                | Sealed()
                | Cited()
                | Unrecognised()
                | ChoiceFinished()
            ):
                return self._delta(event.choice, event)
        return b""

    def _text(self, index: int, text: str) -> bytes:
        """The common delta: one template, one string."""
        choice = self._choice(index)
        if index or choice.extra or self._extra or not choice.writer.plain:
            return self._delta(index, TextDelta(index, "text", text))
        choice.writer.say(text)
        body = b'{"candidates":[{"content":{"parts":[{"text":%b%b' % (to_json(text), self._plain_tail)
        return self._framed(body) if self._array else b"data: %b\n\n" % body

    def _delta(self, index: int, event: Event) -> bytes:
        choice = self._choice(index)
        parts = choice.writer.take(event)
        if isinstance(event, ChoiceFinished):
            choice.tail = parts
            return b""
        more: dict[str, object] = {}
        if isinstance(event, TextDelta) and event.logprobs is not None:
            tokens = logprobs.write([event.logprobs])
            if tokens is not None:
                more["logprobsResult"] = tokens
        if not parts and not more:
            return b""
        return self._chunk([self._row(index, choice, parts, more)])

    def _end(self) -> bytes:
        rows = []
        for index, choice in sorted(self._choices.items()):
            more: dict[str, object] = {}
            if choice.writer.finish_word:
                more["finishReason"] = choice.writer.finish_word
            if not choice.sourced and (sources := choice.writer.sources.written()) is not None:
                more["groundingMetadata"] = sources
            rows.append(self._row(index, choice, choice.tail, more))
        last = self._chunk(rows, {} if self._usage is None else {"usageMetadata": write_usage(self._usage)})
        return last + (json_array.CLOSE if self._array else b"")

    def _row(self, index: int, choice: _Choice, parts: list[Part], more: dict[str, object]) -> dict[str, object]:
        extra, choice.extra = choice.extra, {}
        return {"content": {"parts": parts or [_NOTHING], "role": "model"}} | more | {"index": index} | extra

    def _chunk(self, rows: list[dict[str, object]], more: dict[str, object] | None = None) -> bytes:
        extra, self._extra = self._extra, {}
        return self._framed(to_json({"candidates": rows} | (more or {}) | self._names | extra))

    def _framed(self, body: bytes) -> bytes:
        if not self._array:
            return sse.encode(body)
        first, self._first = self._first, False
        return json_array.encode(body, first=first)

    def _named(self) -> None:
        names = to_json(self._names)[1:]
        self._plain_tail = b'}],"role":"model"},"index":0}]' + (b"," if len(names) > 1 else b"") + names

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice

    def _leftover(self, event: Leftover) -> None:
        if event.place == "":
            self._extra |= event.fields
        elif event.place == "choice":
            choice = self._choice(event.choice)
            choice.extra.update(event.fields)
            choice.sourced = choice.sourced or not SOURCES.isdisjoint(event.fields)
