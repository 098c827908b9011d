"""Chunks of a chat completion stream to events. The hot path of the gateway: every line here is paid once per token."""

import msgspec

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    Leftover,
    Place,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.dialects.openai_chat import errors
from sluice.dialects.openai_chat.schema import (
    ABSENT,
    FINISH_TO_VOCABULARY,
    KNOWN_CHOICE,
    KNOWN_DELTA,
    KNOWN_TOP,
    NULL,
    UNREADABLE,
    Chunk,
    ChunkChoice,
    Delta,
    FunctionPart,
    ToolCallPart,
    read_usage,
)
from sluice.errors import InBandFailure, ProtocolError
from sluice.wire.sse import Frame

_read_chunk = msgspec.json.Decoder(Chunk).decode
_read_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_raws = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


class ChatStreamDecoder:
    """One stream's frames to events. See `StreamDecoder`."""

    __slots__ = ("_calls", "_keep", "_named", "_opened")

    def __init__(self, *, keep_leftovers: bool = False) -> None:
        self._keep = keep_leftovers
        self._named = False
        """The provider has said id and model; Azure's first chunk has neither."""
        self._opened: set[int] = set()
        self._calls: dict[int, dict[int, str]] = {}
        """The id of each call that was opened, by choice and index."""

    def decode(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data is None:
            return []
        try:
            chunk = _read_chunk(data)
            extra = leftovers(data) if self._keep else None
        except UNREADABLE as error:
            if data.strip() == b"[DONE]":
                return [Ended()]
            raise ProtocolError(f"an event of the provider is not a chat completion chunk: {error}") from None
        if chunk.error is not ABSENT and (failure := errors.in_band(bytes(chunk.error))) is not None:
            return [Failed(failure)]
        events: list[Event] = []
        if not self._named:
            self._named = bool(chunk.model)
            events.append(Started(chunk.id or "", chunk.model or "", int(chunk.created or 0)))
        if extra:
            events += extra  # before the deltas: an encoder writes them in the chunk that comes next
        for choice in chunk.choices or ():
            self._choice(choice, events)
        if chunk.usage is not None:
            events.append(Reported(read_usage(chunk.usage)))
        return events

    def _choice(self, choice: ChunkChoice, events: list[Event]) -> None:
        index, delta = choice.index, choice.delta or choice.message
        if delta is not None:
            raw = choice.logprobs
            logprobs = None if raw is ABSENT or raw == NULL else raw
            if delta.content is not None:
                events.append(TextDelta(index, "text", delta.content, logprobs))
                logprobs = None
            elif delta.role is not None and index not in self._opened:
                events.append(TextDelta(index, "text", ""))
            if delta.tool_calls is not None or delta.function_call is not None:
                self._tools(index, delta, events)
            if delta.reasoning_content or delta.reasoning or delta.refusal:
                other_channels(index, delta, logprobs, events)
            self._opened.add(index)
        if choice.finish_reason:
            if choice.finish_reason == "error":
                events.append(Failed(InBandFailure("the provider ended its answer with an error")))
            else:
                events.append(finished(index, choice.finish_reason))

    def _tools(self, choice: int, delta: Delta, events: list[Event]) -> None:
        calls = self._calls.setdefault(choice, {})
        parts = parts_of(delta)
        for position, part in enumerate(parts):
            index = part.index
            if index is None:
                index = _missing_index(part.id, calls, position if len(parts) > 1 else None)
            function = part.function or FunctionPart()
            if index not in calls:
                calls[index] = part.id or ""
                events.append(ToolCallStarted(choice, index, part.id or "", function.name or ""))
            if function.arguments:
                events.append(ToolCallDelta(choice, index, function.arguments))


def _missing_index(call_id: str | None, calls: dict[int, str], position: int | None) -> int:
    """Which call is meant by a delta that does not say: the one of that id, else a new one; without an id the one at
    its position among several, else the last."""
    if call_id:
        return next((index for index, known in calls.items() if known == call_id), max(calls, default=-1) + 1)
    return max(calls, default=0) if position is None else position


def parts_of(delta: Delta) -> list[ToolCallPart]:
    """The tool calls of a delta or message, the deprecated `function_call` among them."""
    parts = delta.tool_calls or []
    return [*parts, ToolCallPart(index=0, function=delta.function_call)] if delta.function_call else parts


def other_channels(index: int, delta: Delta, logprobs: msgspec.Raw | None, events: list[Event]) -> None:
    """Reasoning (under either of its two names) and refusal; the first of them takes the logprobs."""
    reasoning = delta.reasoning_content or delta.reasoning
    if reasoning:
        events.append(TextDelta(index, "reasoning", reasoning, logprobs))
        logprobs = None
    if delta.refusal:
        events.append(TextDelta(index, "refusal", delta.refusal, logprobs))


def finished(index: int, native: str) -> ChoiceFinished:
    return ChoiceFinished(index, FINISH_TO_VOCABULARY.get(native, "stop"), native)


def leftovers(data: bytes) -> list[Event]:
    """The members of a chunk that the schema does not name, raw. The chunk was read by the schema before.

    Raises:
        UnicodeDecodeError: a member's name is not UTF-8.
    """
    events: list[Event] = []
    top = _read_raw(data)
    _keep_unknown(top, KNOWN_TOP, "", 0, events)
    choices = top.get("choices", NULL)
    for choice in () if choices == NULL else _read_raws(choices):
        index = int(bytes(choice.get("index", b"0")))
        _keep_unknown(choice, KNOWN_CHOICE, "choice", index, events)
        for name in ("delta", "message"):
            if choice.get(name, NULL) != NULL:
                _keep_unknown(_read_raw(choice[name]), KNOWN_DELTA, "delta", index, events)
    return events


def _keep_unknown(
    members: dict[str, msgspec.Raw], known: frozenset[str], place: Place, index: int, events: list[Event]
) -> None:
    fields = {name: raw.copy() for name, raw in members.items() if name not in known}
    if fields:
        events.append(Leftover(place, index, fields))
