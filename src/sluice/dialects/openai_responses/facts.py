"""The tables of OpenAI Responses: what a translation does with each member of a client's body, and what a provider can
be asked."""

from sluice.chat.carry import CARRIED, Carry, carried, dropped, refused
from sluice.dialects.dialect import Facts, Field
from sluice.dialects.openai_responses.schema import FINISH_READ, FINISH_WRITTEN

_STATE = "the state lives at the provider that keeps it"
_RUN_THERE = "a tool that the provider runs itself; no other has it"
_RESULT_THERE = "the work of a tool that the provider ran itself"


def _read(feature: str = "", why: str = "") -> Field:
    return Field("read", why, feature)


def _dropped(why: str) -> Field:
    return Field("dropped", why)


def _refused(why: str) -> Field:
    return Field("refused", why)


FIELDS: dict[str, Field] = {
    "model": _read(),
    "stream": _read(),
    "input": _read(),
    "instructions": _read(why="the first system message"),
    "tools": _read("tools", "a custom tool becomes a function with one string `input`, its grammar a description"),
    "tool_choice": _read("tool_choice_named", "`allowed_tools` leaves the others out"),
    "parallel_tool_calls": _read("parallel_tool_calls"),
    "reasoning": _read("thinking", "effort, and whether a summary is wanted"),
    "text": _read("output_schema", "format and verbosity"),
    "max_output_tokens": _read("max_tokens"),
    "temperature": _read("temperature"),
    "top_p": _read("top_p"),
    "top_logprobs": _read("logprobs"),
    "include": _read("logprobs", "encrypted reasoning always comes; log probabilities if named; other entries do not"),
    "user": _read("user"),
    "safety_identifier": _read("user"),
    "store": _dropped("nothing is stored"),
    "metadata": _dropped("nothing is stored that it could describe"),
    "client_metadata": _dropped("for the provider's own records"),
    "prompt_cache_key": _dropped("a hint for the provider's own cache"),
    "prompt_cache_retention": _dropped("a hint for the provider's own cache"),
    "prompt_cache_options": _dropped("a hint for the provider's own cache"),
    "service_tier": _dropped("the provider's own tariff"),
    "truncation": _dropped("a history that is too long is the provider's 400"),
    "context_management": _dropped("the history is sent as it is"),
    "max_tool_calls": _dropped("it bounds tools that the provider runs itself"),
    "stream_options": _dropped("it is about padding of the provider's own events"),
    "image": _dropped("a hint how to compress images"),
    "access_programs": _dropped("the provider's own programmes"),
    "previous_response_id": _refused(_STATE),
    "conversation": _refused(_STATE),
    "prompt": _refused("the template lives at the provider that keeps it"),
    "background": _refused("no other provider answers later"),
    "moderation": _refused("no other provider has this guard"),
    "tools[].type=web_search*": _dropped(_RUN_THERE),
    "tools[].type=file_search": _dropped(_RUN_THERE),
    "tools[].type=code_interpreter": _dropped(_RUN_THERE),
    "tools[].type=image_generation": _dropped(_RUN_THERE),
    "tools[].type=mcp": _dropped(_RUN_THERE),
    "tools[].type=tool_search": _dropped(_RUN_THERE),
    "tools[].type=programmatic_tool_calling": _dropped(_RUN_THERE),
    "tools[].type=computer*": _dropped("the models of this API are trained for it"),
    "tools[].type=local_shell": _dropped("the models of this API are trained for it"),
    "tools[].type=shell": _dropped("the models of this API are trained for it"),
    "tools[].type=apply_patch": _dropped("the models of this API are trained for it"),
    "input[].type=web_search_call": _dropped(_RESULT_THERE),
    "input[].type=file_search_call": _dropped(_RESULT_THERE),
    "input[].type=code_interpreter_call": _dropped(_RESULT_THERE),
    "input[].type=image_generation_call": _dropped(_RESULT_THERE),
    "input[].type=mcp_*": _dropped(_RESULT_THERE),
    "input[].type=tool_search_*": _dropped(_RESULT_THERE),
    "input[].type=program*": _dropped(_RESULT_THERE),
    "input[].type=additional_tools": _dropped("the answer to a search for tools"),
    "input[].type=configuration_update": _dropped("it changes settings of a model of this API"),
    "input[].type=item_reference": _refused(_STATE),
    "input[].type=compaction*": _refused("only the provider that wrote it can read it"),
}

CARRIES: dict[str, Carry] = {
    "choices": refused("the API gives one answer"),
    "max_tokens": CARRIED,
    "temperature": CARRIED,
    "top_p": CARRIED,
    "top_k": dropped("the API samples by top-p alone"),
    "stop": refused("the API has no stop sequences"),
    "seed": dropped("the API takes none: answers repeat less well"),
    "frequency_penalty": dropped("the API has none"),
    "presence_penalty": dropped("the API has none"),
    "logit_bias": refused("the API cannot forbid or force tokens"),
    "logprobs": CARRIED,
    "verbosity": carried("`text.verbosity`"),
    "user": CARRIED,
    "thinking": carried("`reasoning.effort`; a budget becomes the word that stands for it"),
    "output_json": carried("`text.format`"),
    "output_schema": carried("`text.format`"),
    "tools": CARRIED,
    "tool_strict": CARRIED,
    "tool_choice_none": CARRIED,
    "tool_choice_required": CARRIED,
    "tool_choice_named": CARRIED,
    "parallel_tool_calls": CARRIED,
    "tool_error": dropped("a tool's output has no mark for it; its text stays"),
    "image_data": CARRIED,
    "image_url": CARRIED,
    "image_id": CARRIED,
    "file_data": CARRIED,
    "file_url": CARRIED,
    "file_id": CARRIED,
    "audio": refused("the API does not hear"),
    "video": refused("the API does not see video"),
    "tool_media": CARRIED,
    "refusals": CARRIED,
    "reasoning_text": dropped("the API takes back only reasoning that it sealed itself"),
    "citations": dropped("the model does not read them"),
    "participant": dropped("messages have no names"),
    "cache": dropped("the API caches prompts by itself"),
}

FACTS = Facts(
    title="OpenAI Responses",
    source="platform.openai.com/docs/api-reference/responses, read 2026-11-21",
    fields=FIELDS,
    carries=CARRIES,
    finish_read=FINISH_READ,
    finish_written=FINISH_WRITTEN,
)

WORDS: dict[str, str] = {
    "max_tokens": "max_output_tokens",
    "logprobs": "top_logprobs",
    "verbosity": "text.verbosity",
    "user": "user",
    "thinking": "reasoning",
    "output_json": "text.format",
    "output_schema": "text.format",
    "tool_strict": "tools[].strict",
    "tool_choice_none": "tool_choice",
    "tool_choice_required": "tool_choice",
    "tool_choice_named": "tool_choice",
    "image_data": "input_image.image_url",
    "image_url": "input_image.image_url",
    "image_id": "input_image.file_id",
    "file_data": "input_file.file_data",
    "file_url": "input_file.file_url",
    "file_id": "input_file.file_id",
    "audio": "input_audio",
    "tool_media": "function_call_output.output",
    "refusals": "refusal",
    "reasoning_text": "reasoning.summary",
    "citations": "annotations",
    "cache": "prompt_cache_breakpoint",
}
"""What clients of this API call a feature, where its name differs from the vocabulary's."""


def row(place: str, word: str) -> Field | None:
    """Return the row of a member's value, such as a tool's type. A row that ends in a star stands for all that begin
    like it."""
    key = f"{place}={word}"
    return FIELDS.get(key) or next(
        (field for name, field in FIELDS.items() if name.endswith("*") and key.startswith(name[:-1])), None
    )
