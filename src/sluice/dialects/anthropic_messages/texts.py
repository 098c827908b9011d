"""Where texts stand in a Messages request."""

from sluice.dialects.text_walk import (
    ASSISTANT,
    CALL,
    RESULT,
    SYSTEM,
    USER,
    Box,
    Home,
    Voice,
    Walk,
    boxed,
    member_of,
)

_SILENT = frozenset(
    [
        *("model", "stream", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "metadata"),
        *("tool_choice", "cache_control", "service_tier", "speed"),
        *("diagnostics", "betas", "anthropic_beta", "anthropic_version", "user_profile_id", "workspace_id"),
        *("billing_policy", "fallback_credit_token", "fallbacks", "container", "mcp_servers", "thread"),
        "inference_geo",
    ]
)
"""Members of the body that no model reads; `mcp_servers` holds credentials. Whatever else stands there may be read."""
_VOICES: dict[object, Voice] = {"system": SYSTEM, "developer": SYSTEM, "assistant": ASSISTANT, "user": USER}
_THINKING = ("type", "budget_tokens", "display", "block_binding")
"""Settings in `thinking`; whatever else stands there may be read."""
_EDIT = ("type", "trigger", "keep", "clear_at_least", "clear_tool_inputs", "exclude_tools", "pause_after_compaction")
"""Settings in an edit of `context_management`; what else stands there (`instructions`) is told to the model."""
_BLOCK = ("type", "id", "tool_use_id", "cache_control", "signature", "encrypted_content", "is_error", "caller")
"""Members of a block that say nothing."""
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def collect(walk: Walk) -> None:
    """Find them."""
    for name in walk.fields:
        if name == "messages":
            for box, index in walk.rows(USER, *walk.top(name)):
                _message(walk, Home(box, index))
        elif name == "system":
            box, key = walk.top(name)
            _content(walk, SYSTEM, box, key, Home(box, key))
        elif name == "tools":
            for box, index in walk.rows(SYSTEM, *walk.top(name)):
                walk.json(SYSTEM, box, index)
        elif name == "output_config":
            _output_config(walk, *walk.top(name))
        elif name == "output_format":
            walk.within(SYSTEM, *walk.top(name), ("type",))
        elif name == "thinking":
            walk.within(USER, *walk.top(name), _THINKING)
        elif name == "context_management":
            _context_management(walk, *walk.top(name))
        elif name not in _SILENT:
            walk.json(USER, *walk.top(name))


def _output_config(walk: Walk, box: Box, key: str) -> None:
    walk.within(SYSTEM, box, key, ("format", "effort", "task_budget"))
    if (config := boxed(box, key)) is not None:
        walk.within(SYSTEM, config, "format", ("type",))


def _context_management(walk: Walk, box: Box, key: str) -> None:
    walk.within(SYSTEM, box, key, ("edits",))
    if (management := boxed(box, key)) is not None:
        for edits, index in walk.rows(SYSTEM, management, "edits"):
            walk.within(SYSTEM, edits, index, _EDIT)


def _message(walk: Walk, home: Home) -> None:
    message = boxed(home.box, home.key)
    if message is None:
        walk.json(USER, home.box, home.key)
        return
    role = message.get("role")
    voice = _VOICES.get(role) if isinstance(role, str) else None
    if voice is None:
        voice = USER
        walk.text(voice, message, "role")
    _content(walk, voice, message, "content", home)
    walk.others(voice, message, ("role", "content", "clear_at", "output_config", "id", "type", "model"))


def _content(walk: Walk, voice: Voice, box: Box, key: str, home: Home | None = None) -> None:
    """A text, or a list of blocks whose texts are one run. `home` goes if nothing of it is left; None = it stays."""
    if not isinstance(member_of(box, key), list):
        walk.text(voice, box, key, home=home)
        return
    run = walk.run()
    for rows, index in walk.rows(voice, box, key):
        _block(walk, voice, Home(rows, index, home), run)


def _block(walk: Walk, voice: Voice, home: Home, run: int) -> None:
    block = boxed(home.box, home.key)
    if block is None:
        walk.text(voice, home.box, home.key, run=run, home=home)
        return
    kind = block.get("type")
    word = kind if isinstance(kind, str) else ""
    if word == "text":
        walk.text(voice, block, "text", run=run, home=home)
        walk.others(voice, block, (*_BLOCK, "text"))
    elif word == "image":
        _source(walk, voice, block)
        walk.others(voice, block, (*_BLOCK, "source", "transformations"))
    elif word in ("document", "search_result"):
        _document(walk, voice, block)
    elif word in ("thinking", "redacted_thinking"):
        # A signature is of this very text: the API refuses a block in which they differ.
        walk.text(voice, block, "thinking", home=home, seal=home if block.get("signature") else None)
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
    """A document, or what a search found."""
    for name in ("title", "context"):
        walk.text(voice, block, name)
    _source(walk, voice, block)
    _content(walk, voice, block, "content")
    walk.others(voice, block, (*_BLOCK, "title", "context", "source", "content", "citations"))


def _source(walk: Walk, voice: Voice, block: dict[str, object]) -> None:
    """A file, a text, an address, or blocks again."""
    source = boxed(block, "source")
    if source is None:
        walk.text(voice, block, "source")
        return
    if source.get("type") == "text":
        walk.text(voice, source, "data")
    else:
        walk.base64(voice, source, "data", source.get("media_type"))
    walk.data_url(voice, source, "url")
    _content(walk, voice, source, "content")
    walk.others(voice, source, ("type", "media_type", "data", "url", "file_id", "content"))
