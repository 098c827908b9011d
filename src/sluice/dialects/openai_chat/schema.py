"""The JSON of OpenAI chat completions, as far as Sluice reads it. Unknown members are skipped, or kept as leftovers."""

import msgspec

from sluice.chat.events import FinishReason
from sluice.chat.usage import Usage, believed
from sluice.dialects import reading

ABSENT, NULL, UNREADABLE = reading.ABSENT, reading.NULL, reading.UNREADABLE


class _Wire(msgspec.Struct, gc=False):
    """A JSON object of the API."""


class FunctionPart(_Wire):
    name: str | None = None
    arguments: str | None = None


class CustomPart(_Wire):
    """The call of a tool whose input is free text."""

    name: str | None = None
    input: str | None = None


class ToolCallPart(_Wire):
    index: int | None = None
    id: str | None = None
    function: FunctionPart | None = None
    custom: CustomPart | None = None


class ContentPart(_Wire):
    """Mistral's reasoning models send `content` as a list of these; `thinking` is text or again a list of them."""

    type: str | None = None
    text: str | None = None
    thinking: "str | list[ContentPart] | None" = None


class Delta(_Wire):
    """`delta` of a chunk and `message` of an answer: the same members."""

    role: str | None = None
    content: str | list[ContentPart] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCallPart] | None = None
    function_call: FunctionPart | None = None
    annotations: msgspec.Raw = ABSENT
    audio: msgspec.Raw = ABSENT


class ChunkChoice(_Wire):
    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = ABSENT


class PromptDetails(_Wire):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class CompletionDetails(_Wire):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class WireUsage(_Wire):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's word for cached tokens."""
    cached_tokens: int | None = None
    """Moonshot's."""


class Chunk(_Wire):
    """A `chat.completion.chunk` or a `chat.completion`."""

    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    choices: list[ChunkChoice] | None = None
    usage: WireUsage | None = None
    error: msgspec.Raw = ABSENT


KNOWN_TOP = frozenset(Chunk.__struct_fields__) | {"object"}
KNOWN_CHOICE = frozenset(ChunkChoice.__struct_fields__)
KNOWN_DELTA = frozenset(Delta.__struct_fields__) - {"audio"}
"""Sound has no word in the vocabulary: it stays a leftover."""

FINISH_TO_VOCABULARY: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    "insufficient_system_resource": "error",
}
"""`model_length` is Mistral's, `insufficient_system_resource` DeepSeek's. Words that are not in here (vendors' own)
count as `stop`; the native word is kept beside it."""

FINISH_FROM_VOCABULARY: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "stop",
    "error": "stop",
}
"""OpenAI says a refusal in its own channel and finishes with `stop`. `error` never ends an answer: an error event
does."""

CUT = frozenset[FinishReason](["length", "content_filter"])
"""The answer was cut, perhaps within the arguments of a call: what is missing is not nothing."""


def finish_word(reason: FinishReason, *, refused: bool) -> str:
    """Return the word for an end. A refusal of which no word was told (Anthropic's classifiers stop an answer like
    that) would look like a clean end: it is a `content_filter`."""
    return FINISH_FROM_VOCABULARY["content_filter" if reason == "refusal" and not refused else reason]


def said(raw: msgspec.Raw) -> msgspec.Raw | None:
    """Return a member's value, None if it is null or was not sent."""
    return None if raw is ABSENT or raw == NULL else raw


def read_usage(usage: WireUsage) -> Usage:
    """OpenAI's counts already include cached and reasoning tokens."""
    prompt = usage.prompt_tokens_details or PromptDetails()
    completion = usage.completion_tokens_details or CompletionDetails()
    return believed(
        Usage(
            input_tokens=usage.prompt_tokens or 0,
            output_tokens=usage.completion_tokens or 0,
            cache_read_tokens=prompt.cached_tokens or usage.prompt_cache_hit_tokens or usage.cached_tokens or 0,
            cache_write_tokens=prompt.cache_write_tokens or 0,
            reasoning_tokens=completion.reasoning_tokens or 0,
            input_audio_tokens=prompt.audio_tokens or 0,
            output_audio_tokens=completion.audio_tokens or 0,
        )
    )


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` object, details included as OpenAI always sends them; those of cache writes only if there are any."""
    prompt = {"cached_tokens": usage.cache_read_tokens, "audio_tokens": usage.input_audio_tokens}
    if usage.cache_write_tokens:
        prompt["cache_write_tokens"] = usage.cache_write_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.output_audio_tokens,
        },
    }
