"""Chunks of a chat completion stream to events. The hot path of the gateway: every line here is paid once per token."""

import msgspec

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    Reported,
    Started,
    TextDelta,
    Unrecognised,
)
from sluice.dialects.dialect import PING
from sluice.dialects.openai_chat import citations, errors
from sluice.dialects.openai_chat.decode_calls import Calls
from sluice.dialects.openai_chat.leftovers import leftovers, nothing, nothing_but_usage
from sluice.dialects.openai_chat.repeated import LESSONS, Around, around, text_within
from sluice.dialects.openai_chat.schema import (
    ABSENT,
    FINISH_TO_VOCABULARY,
    NULL,
    UNREADABLE,
    Chunk,
    ChunkChoice,
    ContentPart,
    Delta,
    read_usage,
)
from sluice.dialects.openai_chat.spoilt import finishes, without_spoilt_usage
from sluice.dialects.reading import PINGS, is_ping, legible, member
from sluice.errors import InBandFailure, ProtocolError, SluiceError
from sluice.wire.sse import Frame

_read_chunk = msgspec.json.Decoder(Chunk).decode


class ChatStreamDecoder:
    """One stream's frames to events. See `StreamDecoder`."""

    __slots__ = ("_around", "_calls", "_finished", "_keep", "_lessons", "_named", "_opened", "_refused", "_told")

    def __init__(self, *, keep_leftovers: bool = False) -> None:
        self._keep = keep_leftovers
        self._told: dict[str, msgspec.Raw] = {}
        """Leftovers of the answer itself."""
        self._named = False
        """The provider has said id and model; Azure's first chunk has neither."""
        self._opened: set[int] = set()
        """Choices that a role alone has opened: vendors repeat it."""
        self._refused: set[int] = set()
        self._finished: dict[int, str] = {}
        """Choices that have finished, and the word for it."""
        self._calls = Calls()
        self._around: Around | None = None
        """Of the chunk that was read last, if it was nothing but a text."""
        self._lessons = LESSONS
        """Chunks that may be learnt from before one has been of use."""

    def decode(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data is None:
            return []
        if (same := self._around) is not None and (text := text_within(same, data)):
            self._lessons = LESSONS
            return [TextDelta(same[2], "text", text)]
        try:
            chunk = _read_chunk(data)
            extra = leftovers(data, self._told) if self._keep else None
        except UNREADABLE as error:
            if data.lstrip().startswith(b"[DONE]"):  # whatever follows: the official client looks no further
                return [Ended()]
            if frame.event in PINGS:
                return PING
            return self._unread(frame, data, error)
        if chunk.error is not ABSENT and (failure := errors.in_band(bytes(chunk.error))) is not None:
            return [Failed(failure)]
        if not chunk.choices and (odd := self._odd(frame, data, chunk, named=bool(extra))) is not None:
            return odd
        events: list[Event] = []
        if not self._named:
            self._named = bool(chunk.model)
            self._calls.answer_id = chunk.id or ""
            events.append(Started(chunk.id or "", chunk.model or "", int(chunk.created or 0)))
        if extra:
            events += extra  # before the deltas: an encoder writes them in the chunk that comes next
        for choice in chunk.choices or ():
            self._choice(choice, events)
        if chunk.usage is not None:
            events.append(Reported(read_usage(chunk.usage)))
        self._around = around(data, chunk, events) if self._lessons else None
        self._lessons -= bool(self._around)
        return events

    def _unread(self, frame: Frame, data: bytes, error: Exception) -> list[Event]:
        """What can be read of a chunk that cannot be read whole."""
        said = member(legible(data), "error")
        told = errors.in_band(bytes(said)) if said != ABSENT else None
        if told is not None or (told := errors.bare(frame.event, data)) is not None:
            return [Failed(told)]
        if (rest := without_spoilt_usage(data)) is not None:
            return [Unrecognised("chunk:usage"), *self.decode(Frame(frame.raw, rest, frame.event))]
        failure = ProtocolError(f"an event of the provider is not a chat completion chunk: {error}")
        if finishes(data, self._finished):
            return [Failed(failure)]
        raise failure from None

    def finish(self) -> list[Event]:
        """Nothing: a finish reason without `[DONE]` is a truncated answer (stream-life 10.1)."""
        return []

    def only_usage(self, frame: Frame) -> bool:
        return nothing_but_usage(frame.data or b"{}")

    def failure(self, error: SluiceError) -> bytes:
        return errors.write_event(error)

    def _odd(self, frame: Frame, data: bytes, chunk: Chunk, *, named: bool) -> list[Event] | None:
        """What an event without a choice is, if it is none of a completion. `named`: it has members to be kept."""
        if chunk.choices is None and (failure := errors.bare(frame.event, data)) is not None:
            return [Failed(failure)]
        if chunk.usage is not None:
            return None
        if is_ping(data, frame.event):
            return PING
        if chunk.choices is None and frame.event not in ("", "message", "error"):
            return [Unrecognised(f"event:{frame.event}")]
        named = named or (bool(chunk.model) and not self._named)
        return None if named or not nothing(data) else PING

    def _choice(self, choice: ChunkChoice, events: list[Event]) -> None:
        index, delta = choice.index, choice.delta or choice.message
        if index in self._finished and says_nothing(choice, delta, self._finished[index]):
            return  # OpenRouter's usage comes with an empty delta of a choice that has finished
        if delta is not None:
            raw = choice.logprobs
            logprobs = None if raw is ABSENT or raw == NULL else raw
            content = delta.content
            if type(content) is str:
                events.append(TextDelta(index, "text", content, logprobs))
                logprobs = None
            elif content is not None:
                content_parts(index, content, events)
            elif delta.role is not None and index not in self._opened:
                self._opened.add(index)
                events.append(TextDelta(index, "text", ""))
            if delta.tool_calls is not None or delta.function_call is not None:
                self._calls.read(index, delta, events)
            if delta.reasoning_content or delta.reasoning or delta.refusal:
                if delta.refusal:
                    self._refused.add(index)
                other_channels(index, delta, logprobs, events)
            if delta.annotations is not delta.audio:  # both are ABSENT nearly always: one comparison says it
                rare_members(index, delta, events)
        if choice.finish_reason:
            self._finished[index] = choice.finish_reason
            called = self._calls.finish(index, events)
            events.append(finished(index, choice.finish_reason, refused=index in self._refused, called=called))


def says_nothing(choice: ChunkChoice, delta: Delta | None, finished: str) -> bool:
    """Whether a chunk of a choice that has finished with this word is an empty repetition."""
    if choice.finish_reason not in (None, "", finished):
        return False
    return delta is None or not (
        delta.content
        or delta.tool_calls
        or delta.function_call
        or delta.refusal
        or delta.reasoning_content
        or delta.reasoning
        or delta.annotations is not delta.audio
    )


def content_parts(index: int, content: str | list[ContentPart], events: list[Event]) -> None:
    """Content as a list: text, and reasoning beside it."""
    for part in content if isinstance(content, list) else ():
        if part.thinking is not None:
            events.append(TextDelta(index, "reasoning", _plain(part.thinking)))
        elif part.text is not None:
            events.append(TextDelta(index, "text", part.text))
        else:
            events.append(Unrecognised(f"part:{part.type or ''}"))


def _plain(thinking: str | list[ContentPart]) -> str:
    return thinking if isinstance(thinking, str) else "".join([part.text or "" for part in thinking])


def other_channels(index: int, delta: Delta, logprobs: msgspec.Raw | None, events: list[Event]) -> None:
    """Reasoning (under either of its two names) and refusal; the first of them takes the logprobs."""
    reasoning = delta.reasoning_content or delta.reasoning
    if reasoning:
        events.append(TextDelta(index, "reasoning", reasoning, logprobs))
        logprobs = None
    if delta.refusal:
        events.append(TextDelta(index, "refusal", delta.refusal, logprobs))


def rare_members(index: int, delta: Delta, events: list[Event]) -> None:
    if delta.annotations is not ABSENT and delta.annotations != NULL:
        citations.read(index, delta.annotations, events)
    if delta.audio is not ABSENT and delta.audio != NULL:
        events.append(Unrecognised("delta:audio"))


def finished(index: int, native: str, *, refused: bool, called: bool) -> Event:
    """The end of a choice. A refusal is said in a channel of its own and finishes with `stop`; so do the calls of some
    vendors, and an agent that believed them would stop (pains A10)."""
    reason = FINISH_TO_VOCABULARY.get(native, "stop")
    if reason == "error":
        overloaded = native == "insufficient_system_resource"
        return Failed(InBandFailure("the provider ended its answer with an error", status=503 if overloaded else 502))
    if reason == "stop" and (refused or called):
        reason = "refusal" if refused else "tool_calls"
    return ChoiceFinished(index, reason, native)
