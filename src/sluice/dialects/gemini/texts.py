"""Where texts stand in a Gemini request. Members may be written in camelCase and in snake_case, and one value may stand
where a list of one is meant."""

from sluice.dialects.gemini.members import camel
from sluice.dialects.text_walk import ASSISTANT, CALL, RESULT, SYSTEM, USER, Box, Home, Voice, Walk, boxed, member_of

_SILENT = frozenset(
    ["model", "stream", "toolConfig", "safetySettings", "labels", "serviceTier", "store", "cachedContent"]
) | {"modelArmorConfig"}
"""Members of the body that no model reads. Whatever else stands there may be read by one."""
_SCHEMAS = ("responseSchema", "responseJsonSchema", "responseFormat")
"""Of `generationConfig`: what the model is told of its answer; the rest are settings."""
_VOICES: dict[object, Voice] = {"model": ASSISTANT, "system": SYSTEM, "user": USER, "function": USER}
_PART = frozenset(["thought", "thoughtSignature", "videoMetadata", "mediaResolution", "mediaProcessing"])
"""Members of a part that say nothing."""
_CALLS = frozenset(["functionCall", "executableCode", "toolCall"])
_RESULTS = frozenset(["functionResponse", "codeExecutionResult", "toolResponse"])


def collect(walk: Walk) -> None:
    """Find them."""
    for written in walk.fields:
        name = camel(written)
        if name == "contents":
            for home in _each(*walk.top(written)):
                _content(walk, USER, home)
        elif name == "systemInstruction":
            _content(walk, SYSTEM, Home(*walk.top(written)), fixed=True)
        elif name == "tools":
            for home in _each(*walk.top(written)):
                walk.json(SYSTEM, home.box, home.key)
        elif name == "generationConfig":
            box, key = walk.top(written)
            config = boxed(box, key)
            if config is None:
                walk.json(SYSTEM, box, key)
            for setting in config or ():
                if camel(setting) in _SCHEMAS:
                    walk.json(SYSTEM, config or {}, setting)
        elif name not in _SILENT:
            walk.json(USER, *walk.top(written))


def _each(box: Box, key: str) -> list[Home]:
    value = member_of(box, key)
    return [Home(value, index) for index in range(len(value))] if isinstance(value, list) else [Home(box, key)]


def _content(walk: Walk, voice: Voice, home: Home, *, fixed: bool = False) -> None:
    """A content. `fixed`: its role does not matter."""
    content = boxed(home.box, home.key)
    if content is None:
        walk.text(voice, home.box, home.key, home=home)
        return
    role = content.get("role")
    if isinstance(role, str):
        said = _VOICES.get(role)
        if said is None:
            walk.text(voice, content, "role")
        elif not fixed:
            voice = said
    for name in content:
        if camel(name) == "parts":
            run = walk.run()
            for part in _parts(content, name, home):
                _part(walk, voice, *part, run)
        elif camel(name) != "role":
            walk.json(voice, content, name)


def _parts(content: dict[str, object], name: str, home: Home) -> list[tuple[Box, str | int, Home]]:
    """Return the place of each part, and what goes with it."""
    value = content[name]
    if isinstance(value, list):
        return [(value, index, Home(value, index, home)) for index in range(len(value))]
    return [(content, name, home)]


def _part(walk: Walk, voice: Voice, box: Box, key: str | int, home: Home, run: int) -> None:
    part = boxed(box, key)
    if part is None:
        walk.text(voice, box, key, run=run, home=home)
        return
    for written in part:
        name = camel(written)
        inner = boxed(part, written)
        if name == "text":
            alone = all(camel(other) in _PART for other in part if other != written)
            walk.text(voice, part, written, run=run, home=home if alone else Home(part, written), seal=_seal(part))
        elif name in ("inlineData", "fileData") and inner is not None:
            _media(walk, voice, inner)
        elif name in _CALLS | _RESULTS and inner is not None:
            for member in inner:
                if camel(member) not in ("id", "thoughtSignature"):
                    walk.text(CALL if name in _CALLS else RESULT, inner, member)
        elif name not in _PART:
            walk.json(voice, part, written)


def _seal(part: dict[str, object]) -> Home | None:
    """A signature of a thought that is a text: it may be left out, that of a call may not."""
    return next((Home(part, name) for name in part if camel(name) == "thoughtSignature"), None)


def _media(walk: Walk, voice: Voice, inner: dict[str, object]) -> None:
    kind = next((value for name, value in inner.items() if camel(name) == "mimeType"), "")
    for written in inner:
        if camel(written) == "data":
            walk.base64(voice, inner, written, kind)
        elif camel(written) == "fileUri":
            walk.data_url(voice, inner, written)
        elif camel(written) != "mimeType":
            walk.json(voice, inner, written)
