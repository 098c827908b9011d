"""The JSON of an Anthropic message and of the events of its stream, as far as Sluice reads it.

Flat on purpose: one struct holds every event, so that a token costs one decode and no dispatch. Unknown members are
skipped, or kept as leftovers; unknown types are for the decoder to name.
"""

import msgspec

from sluice.chat.events import FinishReason
from sluice.chat.usage import Usage, believed
from sluice.dialects.reading import ABSENT

MODULE_ID = "dialect.anthropic_messages"


class _Wire(msgspec.Struct, gc=False):
    """A JSON object of the API."""


class OutputDetails(_Wire):
    thinking_tokens: int | None = None


class WireUsage(_Wire):
    """Counts; None = not said here. `input_tokens` leaves out what was read from and written to the cache."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None


class StopDetails(_Wire):
    explanation: str | None = None


class Delta(_Wire):
    """`delta` of a content block or of the message."""

    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: msgspec.Raw = ABSENT
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class Block(_Wire):
    """A content block, whole (of an answer) or as it begins (of a stream)."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    citations: list[msgspec.Raw] | None = None


class Message(_Wire):
    """A whole answer, or what `message_start` says of it. `content` is None where it was not sent."""

    type: str = ""
    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = ABSENT


class StreamEvent(_Wire):
    """Any event of a stream."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = ABSENT


class Citation(_Wire):
    """A citation of any of the five types. The positions that a vendor gives are of its source, not of the answer."""

    type: str = ""
    cited_text: str | None = None
    title: str | None = None
    document_title: str | None = None
    document_index: int | None = None
    url: str | None = None
    source: str | None = None
    encrypted_index: str | None = None


KNOWN_MESSAGE = frozenset(Message.__struct_fields__) | {"role"}
KNOWN_MESSAGE_DELTA = frozenset({"stop_reason", "stop_sequence", "stop_details"})

FINISH_READ: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
FINISH_WRITTEN: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "error": "end_turn",
}
"""Anthropic's own filters end an answer with `refusal` too. `error` never ends an answer: an error event does."""


class Counts:
    """The counts of one answer as they grow: what a later event says replaces what an earlier one said, member by
    member, and what it leaves out stays."""

    __slots__ = ("_cache_read", "_cache_written", "_input", "_output", "_thinking")

    def __init__(self) -> None:
        self._input = self._output = self._cache_read = self._cache_written = self._thinking = 0

    def take(self, usage: WireUsage) -> Usage:
        """Take what an event says and return the counts as they are now, normalised."""
        if usage.input_tokens is not None:
            self._input = usage.input_tokens
        if usage.output_tokens is not None:
            self._output = usage.output_tokens
        if usage.cache_read_input_tokens is not None:
            self._cache_read = usage.cache_read_input_tokens
        if usage.cache_creation_input_tokens is not None:
            self._cache_written = usage.cache_creation_input_tokens
        if usage.output_tokens_details is not None and usage.output_tokens_details.thinking_tokens is not None:
            self._thinking = usage.output_tokens_details.thinking_tokens
        return believed(
            Usage(
                input_tokens=self._input + self._cache_read + self._cache_written,
                output_tokens=self._output,
                cache_read_tokens=self._cache_read,
                cache_write_tokens=self._cache_written,
                reasoning_tokens=self._thinking,
            )
        )


def write_usage(usage: Usage | None, *, final: bool = True) -> dict[str, object]:
    """The `usage` object: input without what the cache gave and took (dialects.md, decision 6); zeros while nothing is
    known, because the API always sends counts. What is not final leaves out the details: clients would keep them."""
    known = usage or Usage()
    counts: dict[str, object] = {
        "input_tokens": max(0, known.input_tokens - known.cache_read_tokens - known.cache_write_tokens),
        "cache_creation_input_tokens": known.cache_write_tokens,
        "cache_read_input_tokens": known.cache_read_tokens,
        "output_tokens": known.output_tokens,
    }
    if known.reasoning_tokens and final:
        counts["output_tokens_details"] = {"thinking_tokens": known.reasoning_tokens}
    return counts
