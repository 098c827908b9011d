"""The JSON of OpenAI Responses, as far as Sluice reads it in answers: events, items, usage. Unknown members are
skipped.

Source: platform.openai.com/docs/api-reference/responses and /responses-streaming, read 2026-11-21.
"""

import msgspec

from sluice.chat.events import FinishReason
from sluice.chat.usage import Usage, believed
from sluice.dialects.reading import ABSENT

MODULE_ID = "dialect.openai_responses"


class _Wire(msgspec.Struct, gc=False):
    """A JSON object of the API."""


class Annotation(_Wire):
    """All kinds of annotations in one."""

    type: str = ""
    url: str | None = None
    title: str | None = None
    filename: str | None = None
    file_id: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    index: int | None = None


class ContentPart(_Wire):
    """`output_text`, `refusal`, `reasoning_text` or `summary_text`."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[msgspec.Raw] | None = None
    logprobs: msgspec.Raw = ABSENT


class OutputItem(_Wire):
    """An item of `output`: the members of those kinds that the vocabulary has words for."""

    type: str = ""
    id: str | None = None
    status: str | None = None
    content: list[msgspec.Raw] | None = None
    summary: list[msgspec.Raw] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None


class InputDetails(_Wire):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class OutputDetails(_Wire):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class WireUsage(_Wire):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class IncompleteDetails(_Wire):
    reason: str | None = None


class WireResponse(_Wire):
    """A `response` object, whole or at the head of a stream."""

    id: str | None = None
    object: str | None = None
    model: str | None = None
    created_at: int | float | None = None
    status: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: WireUsage | None = None
    incomplete_details: IncompleteDetails | None = None
    error: msgspec.Raw = ABSENT


class StreamEvent(_Wire):
    """Any event that this dialect knows. One struct: the common delta costs one decode."""

    type: str = ""
    delta: str | None = None
    sequence_number: int | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item_id: str | None = None
    logprobs: msgspec.Raw = ABSENT
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    item: msgspec.Raw = ABSENT
    part: msgspec.Raw = ABSENT
    annotation: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT
    code: str | int | None = None
    message: str | None = None


class EventHead(_Wire):
    """What every event has, known or not."""

    type: str = ""
    sequence_number: int | None = None


class _Kind(_Wire):
    type: str = ""


_read_kind = msgspec.json.Decoder(_Kind).decode
_read_item = msgspec.json.Decoder(OutputItem).decode
_read_part = msgspec.json.Decoder(ContentPart).decode
_read_annotation = msgspec.json.Decoder(Annotation).decode

ITEMS = frozenset(["message", "reasoning", "function_call", "custom_tool_call"])
PARTS = frozenset(["output_text", "refusal", "reasoning_text", "summary_text"])
ANNOTATIONS = frozenset(["url_citation", "file_citation", "container_file_citation"])
"""What the vocabulary has words for. Of any other kind only its name is read: a vendor may shape it as it likes."""


def read_item(raw: msgspec.Raw) -> OutputItem:
    kind = _read_kind(raw).type
    return _read_item(raw) if kind in ITEMS else OutputItem(kind)


def read_part(raw: msgspec.Raw) -> ContentPart:
    kind = _read_kind(raw).type
    return _read_part(raw) if kind in PARTS else ContentPart(kind)


def read_annotation(raw: msgspec.Raw) -> Annotation:
    kind = _read_kind(raw).type
    return _read_annotation(raw) if kind in ANNOTATIONS else Annotation(kind)


WRITTEN_MEMBERS = frozenset(
    ["id", "object", "created_at", "model", "status", "output", "usage", "error", "incomplete_details"]
)
"""Members of a response object that are written from events; the others may come from the provider as leftovers."""

FINISH_READ: dict[str, FinishReason] = {
    "completed": "stop",
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}
"""The status of a whole response, or the reason of an incomplete one. A completed one with a call of the client's tools
is `tool_calls`, one with a refusal is `refusal`; an incomplete one whose reason is not in here, or missing, is
`length`."""

FINISH_WRITTEN: dict[FinishReason, str] = {
    "stop": "completed",
    "tool_calls": "completed",
    "refusal": "completed",
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "error": "failed",
}


def read_usage(usage: WireUsage) -> Usage:
    """The counts already include cached and reasoning tokens."""
    given = usage.input_tokens_details or InputDetails()
    made = usage.output_tokens_details or OutputDetails()
    return believed(
        Usage(
            input_tokens=usage.input_tokens or 0,
            output_tokens=usage.output_tokens or 0,
            cache_read_tokens=given.cached_tokens or 0,
            cache_write_tokens=given.cache_write_tokens or 0,
            reasoning_tokens=made.reasoning_tokens or 0,
            input_audio_tokens=given.audio_tokens or 0,
            output_audio_tokens=made.audio_tokens or 0,
        )
    )


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object, details included as OpenAI always sends them."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
