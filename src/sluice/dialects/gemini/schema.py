"""The JSON of Gemini's answers, as far as Sluice reads it, and its words for the end.

Sources: ai.google.dev/api/generate-content and the types of google-genai 3.4, read 2026-11-21. Unknown members are
skipped, or kept as leftovers.
"""

import msgspec

from sluice.chat.events import FinishReason
from sluice.chat.usage import Usage, believed
from sluice.dialects.reading import ABSENT

MODULE_ID = "dialect.gemini"


class _Wire(msgspec.Struct, rename="camel", gc=False):
    """A JSON object of the API."""


class FunctionCall(_Wire):
    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = ABSENT
    partial_args: msgspec.Raw = ABSENT
    will_continue: bool | None = None


class Part(_Wire):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None


class Content(_Wire):
    parts: list[Part] | None = None
    role: str | None = None


class Web(_Wire):
    """A source: the members of `web`, `retrievedContext`, `maps` and `image` that citations are made of."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None


class GroundingChunk(_Wire):
    web: Web | None = None
    retrieved_context: Web | None = None
    maps: Web | None = None


class Segment(_Wire):
    part_index: int | None = None
    start_index: int | None = None
    end_index: int | None = None


class GroundingSupport(_Wire):
    segment: Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class GroundingMetadata(_Wire):
    grounding_chunks: list[GroundingChunk] | None = None
    grounding_supports: list[GroundingSupport] | None = None


class CitationSource(_Wire):
    start_index: int | None = None
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None


class CitationMetadata(_Wire):
    citation_sources: list[CitationSource] | None = None
    """The Gemini API's word."""
    citations: list[CitationSource] | None = None
    """Vertex's."""


class Candidate(_Wire):
    index: int = 0
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    logprobs_result: msgspec.Raw = ABSENT
    grounding_metadata: GroundingMetadata | None = None
    citation_metadata: CitationMetadata | None = None


class PromptFeedback(_Wire):
    block_reason: str | None = None


class Modality(_Wire):
    modality: str | None = None
    token_count: int | None = None


class UsageMetadata(_Wire):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[Modality] | None = None
    candidates_tokens_details: list[Modality] | None = None


class Response(_Wire):
    """A `GenerateContentResponse`: an answer, or a chunk of one."""

    candidates: list[Candidate] | None = None
    usage_metadata: UsageMetadata | None = None
    prompt_feedback: PromptFeedback | None = None
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    error: msgspec.Raw = ABSENT


KNOWN_TOP = frozenset(Response.__struct_encode_fields__)
KNOWN_CANDIDATE = frozenset(Candidate.__struct_encode_fields__)
KNOWN_PART = frozenset(Part.__struct_encode_fields__)

FINISH_READ: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "NO_IMAGE": "content_filter",
    "OTHER": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
}
"""`OTHER` says that the answer was cut for a reason that is not told: no clean stop. `STOP` is `tool_calls` if the
candidate called a function (dialects.md, decision 4). The words of `error` say that the model's output was unusable:
the answer failed, and before its first token another target may be tried."""

FINISH_WRITTEN: dict[FinishReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "error": "OTHER",
}


def finish_word(reason: FinishReason, native: str) -> str:
    """Return Gemini's word for an end: the provider's own if it is one of Gemini's and means that."""
    meant = FINISH_READ.get(native)
    own = meant == reason or (native == "STOP" and reason == "tool_calls")
    return native if own else FINISH_WRITTEN[reason]


def read_usage(usage: UsageMetadata) -> Usage:
    """Normalise the counts: the prompt's already include cached tokens; thoughts are counted beside the answer's
    tokens and belong to the output; what Google's own tools read belongs to the input."""
    thoughts = usage.thoughts_token_count or 0
    return believed(
        Usage(
            input_tokens=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
            output_tokens=(usage.candidates_token_count or 0) + thoughts,
            cache_read_tokens=usage.cached_content_token_count or 0,
            reasoning_tokens=thoughts,
            input_audio_tokens=_audio(usage.prompt_tokens_details),
            output_audio_tokens=_audio(usage.candidates_tokens_details),
        )
    )


def _audio(details: list[Modality] | None) -> int:
    return sum(row.token_count or 0 for row in details or () if row.modality == "AUDIO")


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usageMetadata` object; as Google does, counts that are zero are left out but for the three that everybody
    reads."""
    thoughts = min(usage.reasoning_tokens, usage.output_tokens)
    body: dict[str, object] = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - thoughts,
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cache_read_tokens:
        body["cachedContentTokenCount"] = usage.cache_read_tokens
    if thoughts:
        body["thoughtsTokenCount"] = thoughts
    if usage.input_audio_tokens:
        body["promptTokensDetails"] = _details(usage.input_tokens, usage.input_audio_tokens)
    if usage.output_audio_tokens:
        body["candidatesTokensDetails"] = _details(usage.output_tokens - thoughts, usage.output_audio_tokens)
    return body


def _details(tokens: int, audio: int) -> list[dict[str, object]]:
    rows = {"TEXT": max(tokens - audio, 0), "AUDIO": audio}
    return [{"modality": modality, "tokenCount": count} for modality, count in rows.items() if count]
