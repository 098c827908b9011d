"""The tables of Bedrock's Converse API: what it can be asked, and its words for how an answer ended."""

from sluice.chat.carry import CARRIED, carried, dropped, refused
from sluice.chat.events import FinishReason
from sluice.dialects.dialect import Facts

FINISH_READ: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
"""`error` never ends an answer: it makes it a failure."""

_INLINE = "the API takes it inline or from S3"
_SAMPLING = "the API has no such parameter, and an answer without it is still an answer"

FACTS = Facts(
    title="Amazon Bedrock Converse",
    source="docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, read 2026-11-21",
    finish_read=FINISH_READ,
    carries={
        "choices": refused("it answers once"),
        "max_tokens": carried("`inferenceConfig.maxTokens`"),
        "temperature": carried(
            "`inferenceConfig.temperature`, which ends at 1: a higher one is sent as 1; left out for Claude where "
            "Messages leaves it out"
        ),
        "top_p": carried("`inferenceConfig.topP`; left out for Claude where Messages leaves it out"),
        "top_k": carried(
            "in `additionalModelRequestFields` of Claude and Nova; other models have no such parameter; left out for "
            "Claude where Messages leaves it out"
        ),
        "stop": carried("`inferenceConfig.stopSequences`"),
        "seed": dropped(_SAMPLING),
        "frequency_penalty": dropped(_SAMPLING),
        "presence_penalty": dropped(_SAMPLING),
        "logit_bias": refused("it has no logit bias"),
        "logprobs": refused("it tells no log probabilities"),
        "verbosity": dropped("no model there knows it"),
        "user": dropped("the API has no place for it"),
        "thinking": carried(
            "`thinking` (adaptive or a budget) of Claude, `reasoningConfig` of Nova 2, `reasoning_effort` of gpt-oss; "
            "other models reason as they will. Of Claude in the same amounts as Messages, but as an effort from 4.6 "
            "on, and left out where Messages leaves it out: a tool loop has to begin with reasoning that came from "
            "Bedrock"
        ),
        "output_json": refused("it writes JSON only by a schema"),
        "output_schema": carried("`outputConfig.textFormat`; `strict` is left out"),
        "tools": carried("a schema without `type` is sent as an object's"),
        "tool_strict": carried("`strict: true`; false is what the API does anyway"),
        "tool_choice_none": carried(
            "the tools are left out; where the history holds calls the API demands them, and the model may call one"
        ),
        "tool_choice_required": carried("`any`"),
        "tool_choice_named": carried("`tool`"),
        "parallel_tool_calls": dropped("the API has no such switch"),
        "tool_error": carried('`status: "error"`'),
        "image_data": carried("PNG, JPEG, GIF and WebP"),
        "image_url": refused(_INLINE),
        "image_id": refused(_INLINE),
        "file_data": carried("PDF, Word, Excel, CSV, HTML, Markdown and plain text; names are made unique"),
        "file_url": refused(_INLINE),
        "file_id": refused(_INLINE),
        "image_detail": dropped("the API has no such member"),
        "audio": carried("inline, but not in tools' results"),
        "video": carried("inline"),
        "tool_media": CARRIED,
        "refusals": carried("as text"),
        "reasoning_text": dropped("models want reasoning back only with their own proof of it"),
        "citations": dropped("the text stays; the API wants citations back only with their places in the source"),
        "participant": dropped("the API has no place for it"),
        "cache": carried(
            "`cachePoint` after the marked block, for Claude and Nova (tools: Claude only); other models know no marks"
        ),
    },
)
