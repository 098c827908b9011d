"""Where texts stand in a Gemini request. Members may be written in camelCase and in snake_case, and one value may stand
where a list of one is meant."""

from sluice.dialects.gemini.members import camel
from sluice.dialects.text_walk import ASSISTANT, CALL, RESULT, SYSTEM, USER, Box, Voice, Walk, boxed

_SILENT = frozenset(
    ["model", "stream", "toolConfig", "safetySettings", "labels", "serviceTier", "store", "cachedContent"]
) | {"modelArmorConfig"}
"""Members of the body that no model reads. Whatever else stands there may be read by one."""
_SCHEMAS = ("responseSchema", "responseJsonSchema", "responseFormat")
"""Of `generationConfig`: what the model is told of its answer; the rest are settings."""
_VOICES: dict[object, Voice] = {"model": ASSISTANT, "system": SYSTEM}
_PART = frozenset(["thought", "thoughtSignature", "videoMetadata", "mediaResolution", "mediaProcessing"])
"""Members of a part that say nothing."""
_CALLS = frozenset(["functionCall", "executableCode", "toolCall"])
_RESULTS = frozenset(["functionResponse", "codeExecutionResult", "toolResponse"])


def collect(walk: Walk) -> None:
    """Find them."""
    for written in walk.fields:
        name = camel(written)
        if name == "contents":
            for box, key in _each(walk, *walk.top(written)):
                _content(walk, USER, box, key)
        elif name == "systemInstruction":
            _content(walk, SYSTEM, *walk.top(written), fixed=True)
        elif name == "tools":
            for box, key in _each(walk, *walk.top(written)):
                walk.json(SYSTEM, box, key)
        elif name == "generationConfig":
            config = boxed(*walk.top(written)) or {}
            for setting in config:
                if camel(setting) in _SCHEMAS:
                    walk.json(SYSTEM, config, setting)
        elif name not in _SILENT:
            walk.json(USER, *walk.top(written))


def _each(walk: Walk, box: Box, key: str | int) -> list[tuple[Box, str | int]]:
    value = box.get(key) if isinstance(box, dict) and isinstance(key, str) else None
    return [*walk.rows(box, key)] if isinstance(value, list) else [(box, key)]


def _content(walk: Walk, voice: Voice, box: Box, key: str | int, *, fixed: bool = False) -> None:
    """A content. `fixed`: its role does not matter."""
    content = boxed(box, key)
    if content is None:
        walk.text(voice, box, key)
        return
    role = content.get("role")
    if not fixed and isinstance(role, str):
        voice = _VOICES.get(role, voice)
    for name in content:
        if camel(name) == "parts":
            walk.part()
            for rows, index in _each(walk, content, name):
                _part(walk, voice, rows, index)
        elif camel(name) != "role":
            walk.json(voice, content, name)


def _part(walk: Walk, voice: Voice, box: Box, key: str | int) -> None:
    part = boxed(box, key)
    if part is None:
        walk.text(voice, box, key, joins=True)
        return
    for written in part:
        name = camel(written)
        inner = boxed(part, written)
        if name == "text":
            walk.text(voice, part, written, joins=True)
        elif name in ("inlineData", "fileData") and inner is not None:
            _media(walk, voice, inner)
        elif name in _CALLS | _RESULTS and inner is not None:
            for member in inner:
                if camel(member) not in ("id", "thoughtSignature"):
                    walk.text(CALL if name in _CALLS else RESULT, inner, member)
        elif name not in _PART:
            walk.json(voice, part, written)


def _media(walk: Walk, voice: Voice, inner: dict[str, object]) -> None:
    kind = next((value for name, value in inner.items() if camel(name) == "mimeType"), "")
    for written in inner:
        if camel(written) == "data":
            walk.base64(voice, inner, written, kind)
        elif camel(written) not in ("mimeType", "fileUri"):
            walk.json(voice, inner, written)
