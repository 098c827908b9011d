"""Where texts stand in a chat completion request."""

from sluice.dialects.text_walk import ASSISTANT, CALL, RESULT, SYSTEM, USER, Box, Voice, Walk, boxed, member_of

_SILENT = frozenset(
    [
        *("model", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
        *("top_k", "min_p", "stop", "seed", "frequency_penalty", "presence_penalty", "repetition_penalty"),
        *("logit_bias", "logprobs", "top_logprobs", "tool_choice", "parallel_tool_calls", "function_call"),
        *("modalities", "verbosity", "audio", "reasoning_effort", "reasoning", "thinking", "user"),
        *("safety_identifier", "cache_control", "moderation", "store", "metadata", "service_tier"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
    ]
)
"""Members of the body that no model reads. Whatever else stands there may be read by one."""
_VOICES: dict[object, Voice] = {
    "system": SYSTEM,
    "developer": SYSTEM,
    "assistant": ASSISTANT,
    "tool": RESULT,
    "function": RESULT,
}
_MARKS = ("type", "cache_control", "prompt_cache_breakpoint")


def collect(walk: Walk) -> None:
    """Find them."""
    for name in walk.fields:
        if name == "messages":
            for box, index in walk.rows(*walk.top(name)):
                _message(walk, box, index)
        elif name in ("tools", "functions"):
            for box, index in walk.rows(*walk.top(name)):
                walk.json(SYSTEM, box, index)
        elif name == "response_format":
            walk.others(SYSTEM, boxed(*walk.top(name)) or {}, ("type",))
        elif name == "prediction":
            prediction = boxed(*walk.top(name)) or {}
            _content(walk, USER, prediction, "content")
            walk.others(USER, prediction, ("type", "content"))
        elif name not in _SILENT:
            walk.json(USER, *walk.top(name))


def _message(walk: Walk, box: Box, index: int) -> None:
    message = boxed(box, index)
    if message is None:
        walk.json(USER, box, index)
        return
    voice = _VOICES.get(message.get("role"), USER) if isinstance(message.get("role"), str) else USER
    for name in ("name", "reasoning_content", "reasoning", "refusal"):
        walk.text(voice, message, name)
    _content(walk, voice, message, "content")
    for calls, at in walk.rows(message, "tool_calls"):
        _call(walk, calls, at)
    _function(walk, message, "function_call")
    known = ("role", "name", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
    walk.others(voice, message, (*known, "tool_call_id", "audio", "cache_control"))


def _call(walk: Walk, box: Box, index: int) -> None:
    call = boxed(box, index)
    if call is None:
        walk.json(CALL, box, index)
        return
    _function(walk, call, "function")
    _function(walk, call, "custom")
    walk.others(CALL, call, ("id", "type", "index", "function", "custom"))


def _function(walk: Walk, box: Box, key: str) -> None:
    function = boxed(box, key)
    if function is None:
        walk.json(CALL, box, key)
        return
    for name in function:
        walk.text(CALL, function, name)


def _content(walk: Walk, voice: Voice, box: Box, key: str) -> None:
    """A text, or a list of parts whose texts are read as one."""
    value = member_of(box, key)
    if not isinstance(value, list):
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
    elif kind in ("text", "refusal") and isinstance(kind, str):
        walk.text(voice, part, kind, joins=True)
        walk.others(voice, part, (*_MARKS, kind))
    elif kind in ("image_url", "video_url") and isinstance(kind, str):
        place = boxed(part, kind)
        walk.data_url(voice, *((part, kind) if place is None else (place, "url")))
        walk.others(voice, place or {}, ("url", "detail", "format"))
        walk.others(voice, part, (*_MARKS, kind))
    elif kind == "input_audio":
        walk.others(voice, boxed(part, kind) or {}, ("data", "format"))
        walk.others(voice, part, (*_MARKS, kind))
    elif kind == "file":
        file = boxed(part, kind) or {}
        walk.data_url(voice, file, "file_data")
        walk.others(voice, file, ("file_data", "file_id"))
        walk.others(voice, part, (*_MARKS, kind))
    else:
        walk.json(voice, box, index)
