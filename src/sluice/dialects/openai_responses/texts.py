"""Where texts stand in a Responses request."""

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
        *("model", "stream", "stream_options", "background", "conversation", "previous_response_id", "include"),
        *("max_output_tokens", "max_tool_calls", "temperature", "top_p", "top_logprobs", "tool_choice"),
        *("parallel_tool_calls", "truncation", "store", "metadata", "service_tier", "user"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
        "moderation",
    ]
)
"""Members of the body that no model reads. Whatever else stands there may be read by one."""
_VOICES: dict[object, Voice] = {"system": SYSTEM, "developer": SYSTEM, "assistant": ASSISTANT, "user": USER}
_REASONING = ("effort", "summary", "generate_summary", "context")
"""Settings in `reasoning`; whatever else stands there may be read."""
_COMPACTION = ("type", "compact_threshold")
"""Settings in an element of `context_management`."""
_ITEM = ("type", "id", "call_id", "status", "phase", "encrypted_content", "approval_request_id")
"""Members of an item that say nothing."""
_RESULTS = ("output", "outputs", "results", "result", "error")
"""Of an item that is a call: what came of it."""
_MEDIA = ("input_image", "input_file", "input_audio", "computer_screenshot")
_MARKS = ("type", "prompt_cache_breakpoint", "logprobs")


def collect(walk: Walk) -> None:
    """Find them."""
    for name in walk.fields:
        if name == "input":
            _input(walk, *walk.top(name))
        elif name == "instructions":
            box, key = walk.top(name)
            _content(walk, SYSTEM, box, key, Home(box, key))
        elif name == "tools":
            for rows, index in walk.rows(SYSTEM, *walk.top(name)):
                walk.json(SYSTEM, rows, index)
        elif name == "text":
            _text_settings(walk, *walk.top(name))
        elif name == "prompt":
            walk.within(USER, *walk.top(name), ("id", "version"))
        elif name == "reasoning":
            walk.within(USER, *walk.top(name), _REASONING)
        elif name == "context_management":
            for rows, index in walk.rows(SYSTEM, *walk.top(name)):
                walk.within(SYSTEM, rows, index, _COMPACTION)
        elif name not in _SILENT:
            walk.json(USER, *walk.top(name))


def _text_settings(walk: Walk, box: Box, key: str) -> None:
    walk.within(SYSTEM, box, key, ("format", "verbosity"))
    if (settings := boxed(box, key)) is not None:
        walk.within(SYSTEM, settings, "format", ("type",))


def _input(walk: Walk, box: Box, key: str) -> None:
    if isinstance(member_of(box, key), list):
        for rows, index in walk.rows(USER, box, key):
            _item(walk, Home(rows, index))
    else:
        walk.text(USER, box, key)


def _item(walk: Walk, home: Home) -> None:
    item = boxed(home.box, home.key)
    if item is None:
        walk.text(USER, home.box, home.key, home=home)
        return
    kind = item.get("type")
    word = kind if isinstance(kind, str) else "message" if "role" in item else "item_reference"
    if word == "message":
        _message(walk, item, home)
    elif word.endswith("_output"):
        _content(walk, RESULT, item, "output", Home(item, "output", stays=True))
        walk.others(RESULT, item, (*_ITEM, "output"))
    elif word.endswith("_call") or word == "mcp_approval_request":
        _call(walk, item)
    elif word == "reasoning":
        for name in ("summary", "content"):
            _content(walk, ASSISTANT, item, name)
        walk.others(ASSISTANT, item, (*_ITEM, "summary", "content"))
    elif word == "mcp_list_tools":
        walk.others(SYSTEM, item, _ITEM)
    else:
        walk.others(USER, item, _ITEM)


def _message(walk: Walk, item: dict[str, object], home: Home) -> None:
    role = item.get("role")
    voice = _VOICES.get(role) if isinstance(role, str) else None
    if voice is None:
        voice = USER
        walk.text(voice, item, "role")
    _content(walk, voice, item, "content", home)
    walk.others(voice, item, (*_ITEM, "role", "content"))


def _call(walk: Walk, item: dict[str, object]) -> None:
    for name in item:
        if name in _RESULTS:
            walk.text(RESULT, item, name)
        elif name not in _ITEM:
            walk.text(CALL, item, name)


def _content(walk: Walk, voice: Voice, box: Box, key: str, home: Home | None = None) -> None:
    """A text, or a list of parts whose texts are one run. `home` goes if nothing of it is left; None = it stays, an
    empty list."""
    if not isinstance(member_of(box, key), list):
        walk.text(voice, box, key, home=home)
        return
    run = walk.run()
    for rows, index in walk.rows(voice, box, key):
        _part(walk, voice, Home(rows, index, home), run)


def _part(walk: Walk, voice: Voice, home: Home, run: int) -> None:
    part = boxed(home.box, home.key)
    kind = member_of(part, "type")
    if part is None:
        walk.text(voice, home.box, home.key, run=run, home=home)
    elif kind == "message":  # in `instructions` the API takes items, too
        _content(walk, voice, part, "content", home)
        walk.others(voice, part, (*_ITEM, "role", "content"))
    elif kind in ("input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text"):
        name = "refusal" if kind == "refusal" else "text"
        walk.text(voice, part, name, run=run, home=home)
        walk.others(voice, part, (*_MARKS, name))
    elif kind in _MEDIA:
        for name in ("image_url", "file_url"):
            walk.data_url(voice, part, name)
        walk.file(voice, part, "file_data", part.get("filename"))
        walk.within(voice, part, "input_audio", ("data", "format"))
        silent = ("image_url", "file_data", "input_audio", "file_url", "file_id", "detail")
        walk.others(voice, part, (*_MARKS, *silent))
    else:
        walk.json(voice, home.box, home.key)
