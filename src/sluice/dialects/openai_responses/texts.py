"""Where texts stand in a Responses request."""

from sluice.dialects.text_walk import ASSISTANT, CALL, RESULT, SYSTEM, USER, Box, Voice, Walk, boxed, member_of

_SILENT = frozenset(
    [
        *("model", "stream", "stream_options", "background", "conversation", "previous_response_id", "include"),
        *("max_output_tokens", "max_tool_calls", "temperature", "top_p", "top_logprobs", "tool_choice"),
        *("parallel_tool_calls", "reasoning", "truncation", "store", "metadata", "service_tier", "user"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
        *("context_management", "moderation"),
    ]
)
"""Members of the body that no model reads. Whatever else stands there may be read by one."""
_VOICES: dict[object, Voice] = {"system": SYSTEM, "developer": SYSTEM, "assistant": ASSISTANT}
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
            _content(walk, SYSTEM, *walk.top(name))
        elif name == "tools":
            for box, index in walk.rows(*walk.top(name)):
                walk.json(SYSTEM, box, index)
        elif name == "text":
            walk.others(SYSTEM, boxed(boxed(*walk.top(name)) or {}, "format") or {}, ("type",))
        elif name == "prompt":
            walk.others(USER, boxed(*walk.top(name)) or {}, ("id", "version"))
        elif name not in _SILENT:
            walk.json(USER, *walk.top(name))


def _input(walk: Walk, box: Box, key: str) -> None:
    if isinstance(member_of(box, key), list):
        for rows, index in walk.rows(box, key):
            _item(walk, rows, index)
    else:
        walk.text(USER, box, key)


def _item(walk: Walk, box: Box, index: int) -> None:
    item = boxed(box, index)
    if item is None:
        walk.text(USER, box, index)
        return
    kind = item.get("type")
    word = kind if isinstance(kind, str) else "message" if "role" in item else "item_reference"
    if word == "message":
        role = item.get("role")
        voice = _VOICES.get(role, USER) if isinstance(role, str) else USER
        _content(walk, voice, item, "content")
        walk.others(voice, item, (*_ITEM, "role", "content"))
    elif word.endswith("_output"):
        _content(walk, RESULT, item, "output")
        walk.others(RESULT, item, (*_ITEM, "output"))
    elif word.endswith("_call") or word == "mcp_approval_request":
        _call(walk, item)
    elif word == "reasoning":
        _content(walk, ASSISTANT, item, "summary")
        _content(walk, ASSISTANT, item, "content")
        walk.others(ASSISTANT, item, (*_ITEM, "summary", "content"))
    elif word == "mcp_list_tools":
        walk.others(SYSTEM, item, _ITEM)
    else:
        walk.others(USER, item, _ITEM)


def _call(walk: Walk, item: dict[str, object]) -> None:
    for name in item:
        if name in _RESULTS:
            walk.text(RESULT, item, name)
        elif name not in _ITEM:
            walk.text(CALL, item, name)


def _content(walk: Walk, voice: Voice, box: Box, key: str) -> None:
    """A text, or a list of parts whose texts are read as one."""
    if not isinstance(member_of(box, key), list):
        walk.text(voice, box, key)
        return
    walk.part()
    for rows, index in walk.rows(box, key):
        _part(walk, voice, rows, index)


def _part(walk: Walk, voice: Voice, box: Box, index: int) -> None:
    part = boxed(box, index)
    kind = member_of(part, "type")
    if part is None:
        walk.text(voice, box, index, joins=True)
    elif kind == "message":  # in `instructions` the API takes items, too
        _content(walk, voice, part, "content")
        walk.others(voice, part, (*_ITEM, "role", "content"))
    elif kind in ("input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text"):
        name = "refusal" if kind == "refusal" else "text"
        walk.text(voice, part, name, joins=True)
        walk.others(voice, part, (*_MARKS, name))
    elif kind in _MEDIA:
        walk.data_url(voice, part, "image_url")
        walk.data_url(voice, part, "file_data")
        walk.others(voice, boxed(part, "input_audio") or {}, ("data", "format"))
        silent = ("image_url", "file_data", "input_audio", "file_url", "file_id", "detail")
        walk.others(voice, part, (*_MARKS, *silent))
    else:
        walk.json(voice, box, index)
