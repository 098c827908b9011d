"""The tables of the Messages API: what a translation reads of a client's request, and what a provider can be asked.

docs/reference/translation.md prints them; `conversation_read` and `conversation_write` run on them.
Sources: platform.claude.com/docs/en/api/messages and the official client's `types/message_create_params.py` and
`types/beta/message_create_params.py`, read 2026-11-21.
"""

from fnmatch import fnmatchcase

from sluice.chat.carry import CARRIED, Carry, carried, dropped, refused
from sluice.dialects.anthropic_messages.schema import FINISH_READ, FINISH_WRITTEN
from sluice.dialects.dialect import Facts, Field, Shape
from sluice.dialects.table import Table


def _read(feature: str = "", why: str = "") -> Field:
    return Field("read", why, feature)


def _dropped(why: str) -> Field:
    return Field("dropped", why)


def _refused(why: str) -> Field:
    return Field("refused", why)


def _marks(place: str) -> dict[str, Field]:
    scope = _dropped("with whom Anthropic shares its cache")
    return {f"{place}.type": _read("cache"), f"{place}.ttl": _read("cache"), f"{place}.scope": scope}


_SERVER_TOOL = _dropped("Anthropic runs or defines this tool itself; naming it in `tool_choice` is a 400")
_SERVER_BLOCK = _dropped("the trace of a tool that Anthropic ran; what the model said of it stays")
_ACCOUNT = _dropped("it concerns an account at Anthropic")

FIELDS: dict[str, Field] = {
    "model": _read(),
    "messages": _read(),
    "messages[role=assistant].*": _dropped("echoes of an answer"),
    "messages[].content": _read(),
    "messages[].clear_at": _dropped("when Anthropic forgets a system message"),
    "messages[].output_config": _dropped("settings that change in the middle of a conversation"),
    "messages[].role": _read(why="`system` in the middle keeps its place where the provider allows one"),
    "messages[].content[].type=text": _read(),
    "messages[].content[].type=image": _read("image_data"),
    "messages[].content[].type=document": _read("file_data", "plain text and blocks become text"),
    "messages[].content[].type=search_result": _read(why="becomes text: title, source, content"),
    "messages[].content[].type=thinking": _read("reasoning_text"),
    "messages[].content[].type=redacted_thinking": _read(),
    "messages[].content[].type=tool_use": _read(),
    "messages[].content[].type=tool_result": _read(),
    "messages[].content[].type=tool_reference": _read(why="becomes text: the tool's name"),
    "messages[].content[].type=compaction": _read(why="its summary becomes text"),
    "messages[].content[].type=container_upload": _refused("the file is in a sandbox at Anthropic"),
    "messages[].content[].type=server_tool_use": _SERVER_BLOCK,
    "messages[].content[].type=mcp_tool_use": _SERVER_BLOCK,
    "messages[].content[].type=*_tool_result": _SERVER_BLOCK,
    "messages[].content[].type=fallback": _SERVER_BLOCK,
    "messages[].content[].type=mcp_tool_listing": _SERVER_BLOCK,
    "messages[].content[].type": _read(),
    "messages[].content[].text": _read(),
    "messages[].content[].source": _read("image_data", "or by URL, or by file id"),
    **{f"messages[].content[].source.{name}": _read("image_data") for name in ("type", "media_type", "data")},
    "messages[].content[].source.url": _read("image_url"),
    "messages[].content[].source.file_id": _read("image_id"),
    "messages[].content[].source.content": _read(why="of a document: becomes text"),
    "messages[].content[].title": _read("file_data", "of a document that becomes text: text before it"),
    "messages[].content[].content": _read(),
    "messages[].content[].thinking": _read("reasoning_text"),
    "messages[].content[].signature": _read(),
    "messages[].content[].data": _read(),
    "messages[].content[].id": _read(),
    "messages[].content[].name": _read(),
    "messages[].content[].input": _read(),
    "messages[].content[].tool_use_id": _read(),
    "messages[].content[].tool_name": _read(),
    "messages[].content[].encrypted_content": _dropped("of a compaction: only Anthropic can read it"),
    "messages[].content[].tool_changes": _dropped("of a compaction: the request names its tools itself"),
    "messages[].content[].toolset_name": _dropped("which of Anthropic's own sets a tool is of"),
    "messages[].content[].cache_control": _read("cache"),
    **_marks("messages[].content[].cache_control"),
    "messages[].content[].citations": _read("citations", "of a text; the wish for citations of a document is dropped"),
    "messages[].content[].context": _read(why="of a document: becomes text before it"),
    "messages[].content[].transformations": _dropped("how Anthropic scales an image"),
    "messages[].content[].caller": _dropped("which of Anthropic's own tools called a tool"),
    "messages[].content[].is_error": _read("tool_error"),
    "system": _read(),
    "system[].cache_control": _read("cache"),
    "max_tokens": _read("max_tokens"),
    "temperature": _read("temperature"),
    "top_p": _read("top_p"),
    "top_k": _read("top_k"),
    "stop_sequences": _read("stop"),
    "stream": _read(),
    "metadata": _read("user"),
    "metadata.user_id": _read("user"),
    "thinking": _read("thinking"),
    "thinking.type": _read("thinking", "`enabled`, `adaptive`, `disabled`; `between_tools` counts as `disabled`"),
    "thinking.budget_tokens": _read("thinking"),
    "thinking.display": _read("thinking"),
    "thinking.block_binding": _dropped("how Anthropic checks its own signatures"),
    "output_config": _read(),
    "output_config.effort": _read("thinking", "`max` counts as `xhigh`"),
    "output_config.format": _read("output_schema"),
    "output_config.format.type": _read("output_schema"),
    "output_config.format.schema": _read("output_schema"),
    "output_config.task_budget": _dropped("a hint to the model about the length of a task"),
    "output_format": _read("output_schema", "the older name of `output_config.format`"),
    "output_format.type": _read("output_schema"),
    "output_format.schema": _read("output_schema"),
    "tools": _read("tools"),
    **{f"tools[].{name}": _read("tools") for name in ("type", "name", "description", "input_schema")},
    "tools[].strict": _read("tool_strict"),
    **_marks("tools[].cache_control"),
    "tools[].cache_control": _read("cache"),
    "tools[].input_examples": _dropped("only Anthropic shows examples to the model"),
    "tools[].defer_loading": _dropped("every tool is shown to the model from the beginning"),
    "tools[].eager_input_streaming": _dropped("when arguments are streamed is the provider's business"),
    "tools[].allowed_callers": _dropped("only Anthropic's own tools call tools"),
    "tools[].type=web_search_*": _SERVER_TOOL,
    "tools[].type=web_fetch_*": _SERVER_TOOL,
    "tools[].type=code_execution_*": _SERVER_TOOL,
    "tools[].type=tool_search_tool_*": _SERVER_TOOL,
    "tools[].type=bash_*": _SERVER_TOOL,
    "tools[].type=text_editor_*": _SERVER_TOOL,
    "tools[].type=memory_*": _SERVER_TOOL,
    "tools[].type=computer_*": _SERVER_TOOL,
    "tools[].type=browser_*": _SERVER_TOOL,
    "tools[].type=advisor_*": _SERVER_TOOL,
    "tools[].type=mcp_toolset": _SERVER_TOOL,
    "tool_choice": _read("tool_choice_named"),
    "tool_choice.type": _read("tool_choice_named"),
    "tool_choice.name": _read("tool_choice_named"),
    "tool_choice.disable_parallel_tool_use": _read("parallel_tool_calls"),
    "cache_control": _read("cache"),
    **_marks("cache_control"),
    "service_tier": _dropped("a tier of Anthropic's own capacity"),
    "speed": _dropped("a tier of Anthropic's own speed"),
    "context_management": _dropped("how Anthropic trims a long history; the client's history is sent whole"),
    "compaction": _dropped("how Anthropic trims a long history; the client's history is sent whole"),
    "diagnostics": _dropped("questions about Anthropic's own cache"),
    "betas": _dropped("previews of Anthropic's API"),
    "anthropic_beta": _dropped("previews of Anthropic's API"),
    "anthropic_version": _dropped("the version of Anthropic's API"),
    "user_profile_id": _ACCOUNT,
    "workspace_id": _ACCOUNT,
    "billing_policy": _ACCOUNT,
    "fallback_credit_token": _ACCOUNT,
    "fallbacks": _dropped("which models stand in for a model is the route's business"),
    "container": _refused("the sandbox and its files are at Anthropic"),
    "mcp_servers": _refused("only Anthropic calls MCP servers for a client"),
    "thread": _refused("the conversation is stored at Anthropic"),
    "inference_geo": _refused("no other provider is bound to a region by the request"),
}


_CONTENT = "messages[].content"
TABLE = Table(
    FIELDS, same={"system": _CONTENT, f"{_CONTENT}[].content": _CONTENT, f"{_CONTENT}[].source.content": _CONTENT}
)
"""What a client's body is looked up in."""


def row(place: str, word: str = "") -> Field | None:
    """Return the row for a member, or for a `type` at a place: its own, or that of the pattern it fits."""
    name = f"{place}.type={word}" if word else place
    if name in FIELDS:
        return FIELDS[name]
    # `word` is the client's: no pattern is ever made of it
    return next((field for key, field in FIELDS.items() if "*" in key and _fits(name, key)), None)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.replace("[]", ""), pattern.replace("[]", ""))  # [] is no pattern's set here


_ONE_ANSWER = refused("it gives one answer to a request")

CARRIES: dict[str, Carry] = {
    "choices": _ONE_ANSWER,
    "max_tokens": carried("4096, and the budget of reasoning, where the client gives none: the API demands a bound"),
    "temperature": carried(
        "at most 1: a higher one is sent as 1; left out beside reasoning, which allows only 1, and for models that "
        "take none (from 4.7 on)"
    ),
    "top_p": carried(
        "left out beside reasoning if it is below 0.95, which the API then demands; beside `temperature` from 4.0 on, "
        "where the API takes only one of them; and for models that take none (from 4.7 on)"
    ),
    "top_k": carried("left out beside reasoning, which does not allow it, and for models that take none (from 4.7 on)"),
    "stop": CARRIED,
    "seed": dropped("the API has none"),
    "frequency_penalty": dropped("the API has none"),
    "presence_penalty": dropped("the API has none"),
    "logit_bias": refused("the API cannot weigh single tokens"),
    "logprobs": refused("the API gives none"),
    "verbosity": dropped("the API has no such parameter"),
    "user": carried("as `metadata.user_id`"),
    "thinking": carried(
        "as a budget of 1024, 2048 or 4096 tokens for low, medium and high, at least 1024 and less than `max_tokens`; "
        "as `adaptive` and an effort for models that know only that (from 4.7 on). Left out where the API forbids it: "
        "beside a forced tool, below 1025 `max_tokens`, and with a budget in the middle of a tool loop whose reasoning "
        "is not Anthropic's own. Models that cannot be kept from it (5.5, Fable, Mythos) are told a low effort "
        "instead of `disabled`"
    ),
    "output_json": carried("as an instruction at the end of `system`: the API promises JSON only by a schema"),
    "output_schema": carried("as `output_config.format`; the schema's `name`, `description` and `strict` are left out"),
    "tools": carried("a schema without `type` is sent as an object's"),
    "tool_strict": CARRIED,
    "tool_choice_none": CARRIED,
    "tool_choice_required": carried("as `any`"),
    "tool_choice_named": carried("as `tool`"),
    "parallel_tool_calls": carried("as `tool_choice.disable_parallel_tool_use`"),
    "tool_error": carried("as `is_error`"),
    "image_data": CARRIED,
    "image_url": CARRIED,
    "image_id": carried("the id has to be one of Anthropic's Files API"),
    "file_data": carried("PDF and plain text; any other type is a 400"),
    "file_url": carried("PDF"),
    "file_id": carried("the id has to be one of Anthropic's Files API"),
    "image_detail": dropped("the API looks at every image as closely as it can"),
    "audio": refused("the API takes no sound"),
    "video": refused("the API takes no video"),
    "tool_media": CARRIED,
    "refusals": carried("as text"),
    "reasoning_text": dropped("the API takes back only reasoning that it signed"),
    "citations": dropped("the API takes back only its own citations"),
    "participant": dropped("messages have no names"),
    "cache": carried("as `cache_control` with a ttl of `5m` or `1h`"),
}

FACTS = Facts(
    headers=(("anthropic-version", "2023-06-01"),),
    query=frozenset(["beta=true"]),
    title="Anthropic Messages",
    source="platform.claude.com/docs/en/api/messages, read 2026-11-21",
    fields=FIELDS,
    carries=CARRIES,
    finish_read=FINISH_READ,
    finish_written=FINISH_WRITTEN,
    shape=Shape(refusals_are_text=True),
    keep_alive=b'event: ping\ndata: {"type": "ping"}\n\n',
)

WORDS: dict[str, str] = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "thinking": "thinking",
    "output_schema": "output_config.format",
    "tools": "tools",
    "tool_strict": "tools[].strict",
    "tool_choice_none": "tool_choice",
    "tool_choice_required": "tool_choice",
    "tool_choice_named": "tool_choice",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "tool_error": "messages[].content[].is_error",
    "image_data": "messages[].content[].source",
    "image_url": "messages[].content[].source",
    "image_id": "messages[].content[].source",
    "file_data": "messages[].content[].source",
    "file_url": "messages[].content[].source",
    "file_id": "messages[].content[].source",
    "tool_media": "messages[].content[].content",
    "reasoning_text": "messages[].content[].thinking",
    "citations": "messages[].content[].citations",
    "cache": "cache_control",
}
"""What a client of this API calls a feature."""
