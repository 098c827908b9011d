"""The tables of OpenAI Responses: what a translation does with each member of a client's body, and what a provider can
be asked."""

from sluice.chat.carry import CARRIED, Carry, carried, dropped, refused
from sluice.dialects.dialect import Facts, Field
from sluice.dialects.openai_responses.schema import FINISH_READ, FINISH_WRITTEN
from sluice.dialects.table import Table

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
    "input[role=assistant].*": _dropped("an echo of an answer"),
    "input[type=*_call].*": _dropped("an echo of an answer"),
    "input[type=reasoning].*": _dropped("an echo of an answer"),
    "input[].type": _read(),
    "input[].role": _read(),
    "input[].content": _read(),
    "input[].call_id": _read(),
    "input[].output": _read(),
    "input[].status": _read("tool_error", "`failed` of a tool's output; else an echo"),
    "input[].id": _read(why="the id of an output without `call_id`; else an echo"),
    "input[].phase": _dropped("an echo of an answer"),
    "input[].name": _dropped("of an output: the call has told it"),
    "input[].namespace": _dropped("of an output: the call has told it"),
    "input[].caller": _dropped("which of the provider's own tools called a tool"),
    "input[].max_output_length": _dropped("an echo of what the shell was told"),
    "input[].acknowledged_safety_checks": _dropped("warnings of this API's computer tool"),
    "input[].content[].type": _read(),
    "input[].content[].text": _read(),
    "input[].content[].refusal": _read("refusals"),
    "input[].content[].image_url": _read("image_url"),
    "input[].content[].detail": _read("image_detail", "of a file: left out, each API reads files in its own way"),
    "input[].content[].file_id": _read("file_id"),
    "input[].content[].file_data": _read("file_data"),
    "input[].content[].file_url": _read("file_url"),
    "input[].content[].filename": _read("file_data"),
    "input[].content[].input_audio": _read("audio"),
    "input[].content[].input_audio.data": _read("audio"),
    "input[].content[].input_audio.format": _read("audio"),
    "input[].content[].prompt_cache_breakpoint": _read("cache"),
    "input[].content[].prompt_cache_breakpoint.mode": _read("cache"),
    "input[].content[].prompt_cache_breakpoint.ttl": _dropped("a lifetime of the provider's own cache"),
    "input[].content[].annotations": _dropped("an echo of an answer"),
    "input[].content[].logprobs": _dropped("an echo of an answer"),
    "instructions": _read(why="the first system message"),
    "tools": _read("tools", "a custom tool becomes a function with one string `input`, its grammar a description"),
    **{f"tools[].{name}": _read("tools") for name in ("type", "name", "description", "parameters", "format")},
    **{f"tools[].format.{name}": _read("tools") for name in ("type", "syntax", "definition")},
    "tools[].strict": _read("tool_strict"),
    "tools[].tools": _read("tools", "of a namespace"),
    "tools[].output_schema": _dropped("other providers take no schema of a tool's results"),
    "tools[].defer_loading": _dropped("every tool is shown to the model from the beginning"),
    "tools[].allowed_callers": _dropped("only the provider's own tools call tools"),
    "tools[].async": _dropped("how the provider waits for a tool; others do not"),
    "tool_choice": _read("tool_choice_named", "`allowed_tools` leaves the others out"),
    **{f"tool_choice.{name}": _read("tool_choice_named") for name in ("type", "name", "namespace", "mode", "tools")},
    "parallel_tool_calls": _read("parallel_tool_calls"),
    "reasoning": _read("thinking"),
    "reasoning.effort": _read("thinking"),
    "reasoning.summary": _read("thinking", "whether one is wanted"),
    "reasoning.generate_summary": _read("thinking", "the older name of `summary`"),
    "reasoning.context": _dropped("what models of this API read again of their reasoning"),
    "reasoning.mode": _dropped("a way to reason that only this API has"),
    "text": _read("output_schema"),
    "text.verbosity": _read("verbosity"),
    "text.format": _read("output_schema"),
    "text.format.type": _read("output_json", "`json_object` and `json_schema`"),
    **{f"text.format.{name}": _read("output_schema") for name in ("name", "description", "schema", "strict")},
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
    "file_url": carried("without its name"),
    "file_id": carried("without its name"),
    "image_detail": CARRIED,
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
    keep_alive=b": keep-alive\n\n",
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


TABLE = Table(FIELDS, same={"tools[].tools": "tools"})
"""What a client's body is looked up in. A namespace holds tools."""


def row(place: str, word: str) -> Field | None:
    """Return the row of a member's value, such as a tool's type. A row that ends in a star stands for all that begin
    like it."""
    key = f"{place}={word}"
    return FIELDS.get(key) or next(
        (field for name, field in FIELDS.items() if name.endswith("*") and key.startswith(name[:-1])), None
    )
