"""The JSON of a chat completion request, as far as a translation reads it.

Unknown members of inner objects are skipped: facts.TABLE judges them.
"""

import msgspec

from sluice.dialects.reading import ABSENT


class _Json(msgspec.Struct):
    """A JSON object of a request."""


class CacheControl(_Json):
    """The convention of OpenRouter and LiteLLM; `prompt_cache_breakpoint` of OpenAI has the same members."""

    ttl: str | None = None


class Url(_Json):
    url: str
    detail: str | None = None


class Sound(_Json):
    data: str
    format: str


class File(_Json):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(_Json):
    """A content part of any kind; which members it must have depends on `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: Url | str | None = None
    video_url: Url | str | None = None
    input_audio: Sound | None = None
    file: File | None = None
    cache_control: CacheControl | None = None
    prompt_cache_breakpoint: CacheControl | None = None


class Function(_Json):
    """What a call says of its function."""

    name: str
    arguments: str | None = None


class Call(_Json):
    id: str
    type: str = "function"
    function: Function | None = None


class ReasoningDetail(_Json):
    """OpenRouter's; other kinds than text and summary are opaque, and another provider's."""

    text: str | None = None
    summary: str | None = None


class ChatMessage(_Json):
    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None
    function_call: Function | None = None
    audio: msgspec.Raw = ABSENT
    annotations: msgspec.Raw = ABSENT
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[ReasoningDetail] | None = None
    cache_control: CacheControl | None = None


class FunctionTool(_Json):
    name: str
    description: str | None = None
    parameters: dict[str, msgspec.Raw] | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None


class Tool(_Json):
    type: str
    function: FunctionTool | None = None
    cache_control: CacheControl | None = None


class Named(_Json):
    name: str


class AllowedTool(_Json):
    function: Named | None = None


class Allowed(_Json):
    mode: str
    tools: list[AllowedTool]


class Choice(_Json):
    """`tool_choice` as an object."""

    type: str
    function: Named | None = None
    allowed_tools: Allowed | None = None


class JsonSchema(_Json):
    name: str
    description: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None


class ResponseFormat(_Json):
    type: str
    json_schema: JsonSchema | None = None


class VendorReasoning(_Json):
    """`reasoning` of OpenRouter."""

    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None
    exclude: bool | None = None


class VendorThinking(_Json):
    """`thinking` of DeepSeek and LiteLLM."""

    type: str = "enabled"
    budget_tokens: int | None = None


class Body(_Json):
    """The members that a translation reads. Those that `ChatRequest` has are read from there."""

    messages: list[ChatMessage]
    top_k: int | None = None
    stop: str | list[str] | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Choice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionTool] | None = None
    function_call: str | Named | None = None
    response_format: ResponseFormat | None = None
    modalities: list[str] | None = None
    verbosity: str | None = None
    reasoning_effort: str | None = None
    reasoning: VendorReasoning | None = None
    thinking: VendorThinking | None = None
    user: str | None = None
    safety_identifier: str | None = None
    cache_control: CacheControl | None = None
