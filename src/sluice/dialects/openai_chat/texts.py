"""Where texts stand in a chat completion request."""

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
        *("model", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
        *("top_k", "min_p", "stop", "seed", "frequency_penalty", "presence_penalty", "repetition_penalty"),
        *("logit_bias", "logprobs", "top_logprobs", "tool_choice", "parallel_tool_calls", "function_call"),
        *("modalities", "verbosity", "audio", "reasoning_effort", "user"),
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
    "user": USER,
}
_SETTINGS = {
    "reasoning": ("effort", "max_tokens", "exclude", "enabled", "summary", "type", "budget_tokens"),
    "thinking": ("type", "budget_tokens", "display", "enabled", "effort", "clear_thinking"),
}
"""Members of the body that hold settings; whatever else stands in them may be read."""
_MARKS = ("type", "cache_control", "prompt_cache_breakpoint")


def collect(walk: Walk) -> None:
    """Find them."""
    for name in walk.fields:
        if name == "messages":
            for box, index in walk.rows(USER, *walk.top(name)):
                _message(walk, Home(box, index))
        elif name in ("tools", "functions"):
            for box, index in walk.rows(SYSTEM, *walk.top(name)):
                walk.json(SYSTEM, box, index)
        elif name == "response_format":
            walk.within(SYSTEM, *walk.top(name), ("type",))
        elif name in _SETTINGS:
            walk.within(USER, *walk.top(name), _SETTINGS[name])
        elif name == "prediction":
            box, key = walk.top(name)
            if (prediction := boxed(box, key)) is not None:
                _content(walk, USER, prediction, "content", Home(box, key))
            walk.within(USER, box, key, ("type", "content"))
        elif name not in _SILENT:
            walk.json(USER, *walk.top(name))


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
    for name in ("name", "reasoning_content", "reasoning", "refusal"):
        walk.text(voice, message, name, home=Home(message, name))
    stays = voice is RESULT or any(message.get(name) for name in ("tool_calls", "function_call", "audio"))
    _content(walk, voice, message, "content", Home(message, "content", stays=True) if stays else home)
    for calls, at in walk.rows(CALL, message, "tool_calls"):
        _call(walk, calls, at)
    _function(walk, message, "function_call")
    walk.within(voice, message, "audio", ("id", "data", "expires_at"))
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


def _content(walk: Walk, voice: Voice, box: Box, key: str, home: Home) -> None:
    """A text, or a list of parts whose texts are one run. `home` goes if nothing of it is left."""
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
    elif kind in ("text", "refusal") and isinstance(kind, str):
        walk.text(voice, part, kind, run=run, home=home)
        walk.others(voice, part, (*_MARKS, kind))
    elif kind in ("image_url", "video_url") and isinstance(kind, str):
        place = boxed(part, kind)
        walk.data_url(voice, *((part, kind) if place is None else (place, "url")))
        walk.others(voice, place or {}, ("url", "detail", "format"))
        walk.others(voice, part, (*_MARKS, kind))
    elif kind == "input_audio":
        walk.within(voice, part, kind, ("data", "format"))
        walk.others(voice, part, (*_MARKS, kind))
    elif kind == "file" and (file := boxed(part, "file")) is not None:
        walk.file(voice, file, "file_data", file.get("filename"))
        walk.others(voice, file, ("file_data", "file_id"))
        walk.others(voice, part, (*_MARKS, "file"))
    else:
        walk.json(voice, home.box, home.key)
