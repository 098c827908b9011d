"""Whole answers, read as the events of a stream and written from a fold of them."""

from collections.abc import Sequence

import msgspec

from sluice.chat.content import Refusal, Text, ToolUse
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Sealed,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.fold import Answer, Choice, Opaque
from sluice.dialects.gemini import logprobs
from sluice.dialects.gemini.decode import GeminiStreamDecoder
from sluice.dialects.gemini.leftovers import SOURCES
from sluice.dialects.gemini.parts import PartWriter, merged
from sluice.dialects.gemini.schema import write_usage
from sluice.dialects.reading import UNREADABLE
from sluice.dialects.writing import to_json
from sluice.errors import ProtocolError

_read_chunks = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read(body: bytes, *, keep_leftovers: bool = False) -> list[Event]:
    """Read a `GenerateContentResponse`, or an array of such chunks, as the events of a legal and complete answer, or
    as `Failed` alone when it is an error under a status of 200.

    Raises:
        ProtocolError: it is neither.
    """
    decoder = GeminiStreamDecoder(keep_leftovers=keep_leftovers)
    events: list[Event] = []
    for chunk in _chunks(body):
        events += decoder.read(chunk)
        if events and isinstance(events[-1], Failed):
            return events[-1:]
    # A whole answer without a reason is whole all the same: the HTTP body was.
    for index, called in decoder.unfinished:
        events.append(ChoiceFinished(index, "tool_calls" if called else "stop", ""))
    if not any(isinstance(event, ChoiceFinished) for event in events):
        raise ProtocolError("the provider's answer has no candidates")
    return [*events, Ended()]


def _chunks(body: bytes) -> list[bytes]:
    if not body.lstrip().startswith(b"["):
        return [body]
    try:
        return [bytes(chunk) for chunk in _read_chunks(body)]
    except UNREADABLE as error:
        raise ProtocolError(f"the provider's answer is not a list of GenerateContentResponse: {error}") from None


def write(whole: Answer, *, asked_model: str = "") -> bytes:
    """Write a `GenerateContentResponse`. `asked_model` is its `modelVersion` if the provider did not say one."""
    body: dict[str, object] = {"candidates": [_candidate(choice) for choice in whole.choices]}
    if whole.usage is not None:
        body["usageMetadata"] = write_usage(whole.usage)
    names = {"modelVersion": whole.model or asked_model, "responseId": whole.id}
    return to_json(body | {name: value for name, value in names.items() if value} | whole.extra)


def _candidate(choice: Choice) -> dict[str, object]:
    writer = PartWriter()
    parts = [part for event in _events(choice) for part in writer.take(event)]
    row: dict[str, object] = {"content": {"parts": merged(parts) or [{"text": ""}], "role": "model"}}
    word = writer.finish_word
    if word:
        row["finishReason"] = word
    row["index"] = choice.index
    if SOURCES.isdisjoint(choice.extra) and (sources := writer.sources.written()) is not None:
        row["groundingMetadata"] = sources
    if (tokens := logprobs.write(choice.logprobs)) is not None:
        row["logprobsResult"] = tokens
    return row | choice.extra


def _events(choice: Choice) -> Sequence[Event]:
    """A choice as the events that it was folded from, so that an answer and a stream are written by one machine."""
    events: list[Event] = []
    index, calls = choice.index, 0
    for part in choice.parts:
        match part:
            case ToolUse():
                events.append(ToolCallStarted(index, calls, part.id, part.name))
                events.append(ToolCallDelta(index, calls, part.arguments))
                calls += 1
            case Text():
                events.append(TextDelta(index, "text", part.text))
                events += [Cited(index, citation) for citation in part.citations]
            case Opaque():
                events.append(Unrecognised(part.what, index, part.raw))
            case Refusal():
                events.append(TextDelta(index, "refusal", part.text))
            case _:
                events.append(TextDelta(index, "reasoning", part.text))
                if part.seal is not None:
                    events.append(Sealed(index, part.seal))
    if choice.finish is not None:
        events.append(ChoiceFinished(index, choice.finish, choice.native_finish))
    return events
