"""Where texts stand in a Messages request."""

from sluice.dialects.text_walk import ASSISTANT, CALL, RESULT, SYSTEM, USER, Box, Voice, Walk, boxed, member_of

_SILENT = frozenset(
    [
        *("model", "stream", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "metadata"),
        *("thinking", "tool_choice", "cache_control", "service_tier", "speed", "context_management", "compaction"),
        *("diagnostics", "betas", "anthropic_beta", "anthropic_version", "user_profile_id", "workspace_id"),
        *("billing_policy", "fallback_credit_token", "fallbacks", "container", "mcp_servers", "thread"),
        "inference_geo",
    ]
)
"""Members of the body that no model reads; `mcp_servers` holds credentials. Whatever else stands there may be read."""
_VOICES: dict[object, Voice] = {"system": SYSTEM, "developer": SYSTEM, "assistant": ASSISTANT}
_BLOCK = ("type", "id", "tool_use_id", "cache_control", "signature", "encrypted_content", "is_error", "caller")
"""Members of a block that say nothing."""
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def collect(walk: Walk) -> None:
    """Find them."""
    for name in walk.fields:
        if name == "messages":
            for box, index in walk.rows(*walk.top(name)):
                _message(walk, box, index)
        elif name == "system":
            _content(walk, SYSTEM, *walk.top(name))
        elif name == "tools":
            for box, index in walk.rows(*walk.top(name)):
                walk.json(SYSTEM, box, index)
        elif name == "output_config":
            walk.others(SYSTEM, boxed(boxed(*walk.top(name)) or {}, "format") or {}, ("type",))
        elif name == "output_format":
            walk.others(SYSTEM, boxed(*walk.top(name)) or {}, ("type",))
        elif name not in _SILENT:
            walk.json(USER, *walk.top(name))


def _message(walk: Walk, box: Box, index: int) -> None:
    message = boxed(box, index)
    if message is None:
        walk.json(USER, box, index)
        return
    role = message.get("role")
    voice = _VOICES.get(role, USER) if isinstance(role, str) else USER
    _content(walk, voice, message, "content")
    walk.others(voice, message, ("role", "content", "clear_at", "output_config", "id", "type", "model"))


def _content(walk: Walk, voice: Voice, box: Box, key: str) -> None:
    """A text, or a list of blocks whose texts are read as one."""
    if not isinstance(member_of(box, key), list):
        walk.text(voice, box, key)
        return
    walk.part()
    for rows, index in walk.rows(box, key):
        _block(walk, voice, rows, index)


def _block(walk: Walk, voice: Voice, box: Box, index: int) -> None:
    block = boxed(box, index)
    if block is None:
        walk.text(voice, box, index, joins=True)
        return
    kind = block.get("type")
    word = kind if isinstance(kind, str) else ""
    if word == "text":
        walk.text(voice, block, "text", joins=True)
        walk.others(voice, block, (*_BLOCK, "text"))
    elif word == "image":
        walk.others(voice, block, (*_BLOCK, "source", "transformations"))
    elif word in ("document", "search_result"):
        _document(walk, voice, block)
    elif word in ("thinking", "redacted_thinking"):
        walk.text(voice, block, "thinking")
        walk.others(voice, block, (*_BLOCK, "thinking", "data"))
    elif word in _CALLS:
        walk.text(CALL, block, "name")
        walk.json(CALL, block, "input")
        walk.others(CALL, block, (*_BLOCK, "name", "input"))
    elif word.endswith("tool_result"):
        _content(walk, RESULT, block, "content")
        walk.others(RESULT, block, (*_BLOCK, "content"))
    else:
        walk.others(voice, block, (*_BLOCK, "file_id"))


def _document(walk: Walk, voice: Voice, block: dict[str, object]) -> None:
    """A document, or what a search found: its source is a file, a text, or blocks again."""
    for name in ("title", "context"):
        walk.text(voice, block, name)
    source = boxed(block, "source")
    if source is None:
        walk.text(voice, block, "source")
    elif source.get("type") == "base64":
        walk.base64(voice, source, "data", source.get("media_type"))
    elif source.get("type") == "text":
        walk.text(voice, source, "data")
    else:
        _content(walk, voice, source, "content")
    walk.others(voice, source or {}, ("type", "media_type", "data", "url", "file_id", "content"))
    _content(walk, voice, block, "content")
    walk.others(voice, block, (*_BLOCK, "title", "context", "source", "content", "citations"))
