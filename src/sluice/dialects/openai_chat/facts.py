"""The tables of OpenAI chat completions: what becomes of each member of a client's body, and what a provider of this
dialect can be asked. The code runs on them; docs/reference/translation.md prints them.
"""

from sluice.chat.carry import CARRIED, Carry, carried, dropped, refused
from sluice.dialects.dialect import Facts, Field, Shape
from sluice.dialects.openai_chat.schema import FINISH_FROM_VOCABULARY, FINISH_TO_VOCABULARY
from sluice.dialects.table import Table

MODULE_ID = "dialect.openai_chat"


def _read(feature: str = "", why: str = "") -> Field:
    return Field("read", why, feature)


def _dropped(why: str) -> Field:
    return Field("dropped", why)


def _refused(why: str) -> Field:
    return Field("refused", why)


def _marks(place: str) -> dict[str, Field]:
    """The members of a cache mark. Its `type` or `mode` has one value."""
    return {f"{place}.{name}": _read("cache") for name in ("type", "mode", "ttl")}


_SCHEMA = ("name", "description", "schema", "strict")

_FIELDS: dict[str, Field] = {
    "model": _read(),
    "stream": _read(),
    "stream_options": _read(),
    "stream_options.include_usage": _read(),
    "stream_options.include_obfuscation": _dropped("padding against side channels is the provider's own business"),
    "stream_options.continuous_usage_stats": _dropped("vLLM's: a client is told the usage once, at the end"),
    # messages
    "messages": _read(),
    "messages[role=assistant].*": _dropped("echoes of an answer"),
    "messages[].role": _read(),
    "messages[].content": _read(),
    "messages[].name": _read("participant"),
    "messages[].refusal": _read("refusals"),
    "messages[].tool_calls": _read(),
    "messages[].tool_call_id": _read(),
    "messages[].function_call": _read(why="deprecated"),
    "messages[].audio": _refused("it is sound"),
    "messages[].annotations": _read("citations"),
    "messages[].reasoning_content": _read("reasoning_text"),
    "messages[].reasoning": _read("reasoning_text", "OpenRouter's name for it"),
    "messages[].reasoning_details": _read("reasoning_text", "OpenRouter's; the text of them"),
    "messages[].cache_control": _read("cache", "OpenRouter's: on the last part of the message"),
    "messages[].content[].type": _read(),
    "messages[].content[].text": _read(),
    "messages[].content[].refusal": _read("refusals"),
    "messages[].content[].image_url": _read("image_url"),
    "messages[].content[].image_url.url": _read("image_url"),
    "messages[].content[].image_url.detail": _read("image_detail"),
    "messages[].content[].image_url.format": _dropped("LiteLLM's: the data URL, or its server, tells the type"),
    "messages[].content[].video_url": _read("video", "vLLM's and OpenRouter's"),
    "messages[].content[].video_url.url": _read("video"),
    "messages[].content[].video_url.detail": _read("image_detail"),
    "messages[].content[].input_audio": _read("audio"),
    "messages[].content[].input_audio.data": _read("audio"),
    "messages[].content[].input_audio.format": _read("audio"),
    "messages[].content[].file": _read("file_data"),
    "messages[].content[].file.file_data": _read("file_data"),
    "messages[].content[].file.file_id": _read("file_id"),
    "messages[].content[].file.filename": _read("file_data"),
    "messages[].content[].cache_control": _read("cache", "OpenRouter's and LiteLLM's"),
    "messages[].content[].prompt_cache_breakpoint": _read("cache"),
    **_marks("messages[].cache_control"),
    **_marks("messages[].content[].cache_control"),
    **_marks("messages[].content[].prompt_cache_breakpoint"),
    # bounds and sampling
    "n": _read("choices"),
    "max_tokens": _read("max_tokens"),
    "max_completion_tokens": _read("max_tokens", "wins over `max_tokens`"),
    "temperature": _read("temperature"),
    "top_p": _read("top_p"),
    "top_k": _read("top_k", "a vendor's (vLLM, OpenRouter)"),
    "stop": _read("stop"),
    "seed": _read("seed"),
    "frequency_penalty": _read("frequency_penalty"),
    "presence_penalty": _read("presence_penalty"),
    "logit_bias": _read("logit_bias"),
    "logprobs": _read("logprobs"),
    "top_logprobs": _read("logprobs"),
    # tools
    "tools": _read("tools"),
    "tools[].type=function": _read("tools"),
    "tools[].type=custom": _refused("its input is free text, and most APIs know only tools that take JSON"),
    "tools[].type=*": _dropped("any other tool is one that the provider runs itself; `tool_choice` cannot name it"),
    "tools[].type": _read(),
    "tools[].function": _read("tools"),
    "tools[].function.name": _read("tools"),
    "tools[].function.description": _read("tools"),
    "tools[].function.parameters": _read("tools"),
    "tools[].function.strict": _read("tool_strict"),
    "tools[].function.cache_control": _read("cache", "LiteLLM's other place for it"),
    "tools[].cache_control": _read("cache"),
    **_marks("tools[].function.cache_control"),
    **_marks("tools[].cache_control"),
    "tool_choice": _read(),
    "tool_choice.type": _read(),
    "tool_choice.function": _read("tool_choice_named"),
    "tool_choice.function.name": _read("tool_choice_named"),
    "tool_choice.allowed_tools": _read(why="only those tools are sent on"),
    "parallel_tool_calls": _read("parallel_tool_calls"),
    "functions": _read("tools", "deprecated; the answer then has `function_call`"),
    **{f"functions[].{name}": _read("tools") for name in ("name", "description", "parameters")},
    "function_call": _read(why="deprecated"),
    "function_call.name": _read("tool_choice_named"),
    # output
    "response_format": _read(),
    "response_format.type": _read("output_json", "`json_object` and `json_schema`"),
    "response_format.json_schema": _read("output_schema"),
    **{f"response_format.json_schema.{name}": _read("output_schema") for name in _SCHEMA},
    "modalities": _read(why='`["text"]` only'),
    "verbosity": _read("verbosity"),
    "audio": _refused("no other API answers with sound in this form"),
    # reasoning
    "reasoning_effort": _read("thinking", "`max` counts as `xhigh`"),
    "reasoning": _read("thinking", "OpenRouter's"),
    **{f"reasoning.{name}": _read("thinking") for name in ("effort", "max_tokens", "enabled", "exclude")},
    "thinking": _read("thinking", "DeepSeek's and LiteLLM's"),
    "thinking.type": _read("thinking"),
    "thinking.budget_tokens": _read("thinking"),
    "thinking.clear_thinking": _dropped("GLM's: what that model reads again of its reasoning"),
    # the rest
    "user": _read("user"),
    "safety_identifier": _read("user", "wins over `user`"),
    "cache_control": _read("cache", "OpenRouter's: the whole prompt is worth caching"),
    **_marks("cache_control"),
    "moderation": _refused("no other provider would moderate"),
    "store": _dropped("no other provider keeps answers for its dashboard"),
    "metadata": _dropped("labels of stored answers"),
    "service_tier": _dropped("a class of price and speed that only OpenAI sells"),
    "prompt_cache_key": _dropped("a hint for OpenAI's own cache"),
    "prompt_cache_options": _dropped("a hint for OpenAI's own cache; marks on parts are carried"),
    "prompt_cache_retention": _dropped("a hint for OpenAI's own cache"),
    "prediction": _dropped("makes the same answer come faster, and only at OpenAI"),
    "web_search_options": _dropped("a tool that the provider runs itself"),
}

_CLAUDE = "as `cache_control` for Claude models (OpenRouter, LiteLLM); left out for others: they cache by themselves"
_NOT_OPENAI = "as a member that vLLM and most vendors know; left out for OpenAI's own models, whose API has none"
_AFTER = "in a user's message after the results: a tool's message holds text only"
_WANTED = (
    "as `reasoning_content` for models that want it back (DeepSeek, GLM, Kimi, MiniMax, Qwen); left out for others"
)

_CARRIES: dict[str, Carry] = {
    "choices": carried("as `n`"),
    "max_tokens": carried("as `max_completion_tokens` for OpenAI's reasoning models, else as `max_tokens`"),
    "temperature": CARRIED,
    "top_p": CARRIED,
    "top_k": carried(_NOT_OPENAI),
    "stop": carried("more than four are refused for OpenAI's own models"),
    "seed": CARRIED,
    "frequency_penalty": CARRIED,
    "presence_penalty": CARRIED,
    "logit_bias": CARRIED,
    "logprobs": CARRIED,
    "verbosity": CARRIED,
    "user": carried("its SHA-256 if it is longer than 64 characters: OpenAI refuses longer ones"),
    "thinking": carried(
        "as `reasoning_effort`; a budget becomes the nearest word, `adaptive` the model's default. A wish for none is "
        "`none` for gpt-5.1 and later, `minimal` for gpt-5, `low` for o1 to o4, and left out for every other model, "
        "which may refuse the word"
    ),
    "output_json": carried("as `response_format`"),
    "output_schema": carried("as `response_format`"),
    "tools": CARRIED,
    "tool_strict": CARRIED,
    "tool_choice_none": CARRIED,
    "tool_choice_required": CARRIED,
    "tool_choice_named": CARRIED,
    "parallel_tool_calls": CARRIED,
    "tool_error": dropped("a tool's message has no mark for errors; its text says it"),
    "image_data": carried("as a data URL"),
    "image_url": CARRIED,
    "image_id": refused("chat completions take images inline or by URL"),
    "file_data": carried("as a data URL"),
    "file_url": refused("chat completions take files inline or by their id"),
    "file_id": carried("the id has to be one of the provider's own; the name is left out"),
    "image_detail": CARRIED,
    "audio": carried("WAV and MP3, inline"),
    "video": carried("as `video_url`, which vLLM and OpenRouter know"),
    "tool_media": carried(_AFTER),
    "refusals": carried("as `refusal`"),
    "reasoning_text": carried(_WANTED),
    "citations": dropped("chat completions read none in the history; the text stays"),
    "participant": carried("as `name`"),
    "cache": carried(_CLAUDE),
}

TABLE = Table(_FIELDS)
"""What a client's body is looked up in."""

FACTS = Facts(
    title="OpenAI chat completions",
    source="platform.openai.com/docs/api-reference/chat/create, read 2026-11-21",
    fields=_FIELDS,
    carries=_CARRIES,
    finish_read=FINISH_TO_VOCABULARY,
    finish_written=FINISH_FROM_VOCABULARY,
    shape=Shape(ordered=False),
    keep_alive=b": keep-alive\n\n",
)
