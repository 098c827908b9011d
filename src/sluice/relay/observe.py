"""Bytes that are passed on as they come, and looked at: model and usage, as far as a body says them.

A body is one JSON object, or server-sent events of which each is one. What vendors call usage stands in a table below;
later reports replace earlier ones, member by member, for some streams report input first and output last.
"""

from typing import Annotated

import msgspec

from sluice.chat.events import Reported, Started
from sluice.chat.usage import Usage, believed
from sluice.errors import Truncated
from sluice.relay.actions import Action
from sluice.relay.opaque import OpaqueRelay
from sluice.relay.outcome import Outcome
from sluice.relay.terms import TERMS, Terms
from sluice.wire.sse import Frame, SseDecoder

MAX_OBSERVED_BYTES = 4 << 20
"""What is kept of an answer to be read at its end, or of one event. A longer one is passed on and not read."""


_Count = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
"""Some vendors write counts as 5.0."""


class _Details(msgspec.Struct):
    cached_tokens: _Count | None = None
    audio_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None


class _Usage(msgspec.Struct):
    """Every published API's object, in one: their members do not contradict each other."""

    prompt_tokens: _Count | None = None
    input_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    output_tokens: _Count | None = None
    total_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    prompt_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    """Usage of a Generative Language answer."""

    prompt_token_count: _Count | None = None
    candidates_token_count: _Count | None = None
    thoughts_token_count: _Count | None = None
    cached_content_token_count: _Count | None = None


class _Meta(msgspec.Struct):
    """Usage of a rerank answer; search units are no tokens."""

    tokens: _Usage | None = None
    billed_units: _Usage | None = None


class _Body(msgspec.Struct):
    model: str | None = None
    model_version: str | None = msgspec.field(name="modelVersion", default=None)
    usage: _Usage | None = None
    metadata: _Metadata | None = msgspec.field(name="usageMetadata", default=None)
    meta: _Meta | None = None
    response: "_Body | None" = None
    """The answer inside an event about it."""
    message: "_Body | str | None" = None


_read = msgspec.json.Decoder(_Body).decode


class ObservedRelay(OpaqueRelay):
    """One body. See `Relay`. What cannot be read is passed on all the same."""

    __slots__ = ("_events", "_may_be_empty", "_seen", "_usage")

    def __init__(self, *, terms: Terms = TERMS, content_type: bytes = b"", may_be_empty: bool = True) -> None:
        """`content_type` tells a stream of events from a whole body. Not `may_be_empty`: an answer without a byte is
        no answer."""
        super().__init__(terms=terms)
        self._may_be_empty = may_be_empty
        streams = content_type.partition(b";")[0].strip().lower() == b"text/event-stream"
        self._events = SseDecoder(MAX_OBSERVED_BYTES) if streams else None
        self._seen: bytearray | None = None if streams else bytearray()
        self._usage: dict[str, int] = {}

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        if self._events is not None:
            self._each(self._events.feed(chunk))
        if self._seen is not None:
            self._seen += chunk
            if len(self._seen) > MAX_OBSERVED_BYTES:
                self._seen = None
        return super().feed(chunk, now)

    def eof(self, now: float) -> list[Action]:
        if not self._may_be_empty and not self.meter.bytes_from_provider:
            return self.cut(Outcome("upstream_truncated", Truncated("the provider's answer is empty")), now)
        if self._events is not None:
            self._each(self._events.finish())
        if self._seen:
            self._look(bytes(self._seen))
        return super().eof(now)

    def _each(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.data is not None:
                self._look(frame.data)

    def _look(self, body: bytes) -> None:
        try:
            whole = _read(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        inner = whole.response or (whole.message if isinstance(whole.message, _Body) else None)
        for each in (whole, inner):
            if each is not None:
                self._note(each)

    def _note(self, body: _Body) -> None:
        if body.model or body.model_version:
            self.said.note(Started("", body.model or body.model_version or ""))
        meta = body.meta or _Meta()
        known: dict[str, int] = {}
        for found in (meta.billed_units, meta.tokens, body.usage):
            known |= _counts(found) if found is not None else {}
        known |= _google_counts(body.metadata) if body.metadata is not None else {}
        if known:
            self._usage |= known
            self.said.note(Reported(believed(Usage(**self._usage))))


def _counts(usage: _Usage) -> dict[str, int]:
    """Only what is said. Where cache reads stand apart from the input they belong to it (`chat.usage`)."""
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    given = _first(usage.prompt_tokens, usage.input_tokens)
    if given is None and usage.completion_tokens is None and usage.output_tokens is None:
        given = usage.total_tokens  # some rerankers say nothing else
    inputs = usage.prompt_tokens_details or usage.input_tokens_details or _Details()
    outputs = usage.completion_tokens_details or usage.output_tokens_details or _Details()
    return _said(
        input_tokens=None if given is None else given + (read or 0) + (written or 0),
        output_tokens=_first(usage.completion_tokens, usage.output_tokens),
        cache_read_tokens=_first(read, inputs.cached_tokens),
        cache_write_tokens=written,
        reasoning_tokens=outputs.reasoning_tokens,
        input_audio_tokens=inputs.audio_tokens,
        output_audio_tokens=outputs.audio_tokens,
    )


def _google_counts(usage: _Metadata) -> dict[str, int]:
    thought, said = usage.thoughts_token_count, usage.candidates_token_count
    return _said(
        input_tokens=usage.prompt_token_count,
        output_tokens=None if thought is None and said is None else (thought or 0) + (said or 0),
        cache_read_tokens=usage.cached_content_token_count,
        reasoning_tokens=thought,
    )


def _said(**counts: float | None) -> dict[str, int]:
    return {name: int(count) for name, count in counts.items() if count is not None}


def _first(*counts: float | None) -> float | None:
    return next((count for count in counts if count is not None), None)
