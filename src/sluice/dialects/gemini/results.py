"""Tool results: `functionResponse`, read and written. Its `response` is an object; other providers have text there.

Source: google.genai.types.FunctionResponse ("output" or "result" for what a function gave, "error" for its failure,
or any object), read 2026-11-21.
"""

import msgspec

from sluice.chat.content import Media, Text, ToolResult
from sluice.dialects.gemini import media
from sluice.dialects.gemini.members import Members, misfit
from sluice.dialects.reading import UNREADABLE
from sluice.dialects.writing import whole
from sluice.errors import BadRequest

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_text = msgspec.json.Decoder(str).decode

_OUTPUT = ("result", "output")


def json_text(raw: msgspec.Raw, place: str, *, compact: bool = False) -> str:
    """Return a JSON object as text: byte for byte, or without white space.

    Raises:
        BadRequest: it is no object, or no UTF-8.
    """
    try:
        _read_members(raw)
        return (msgspec.json.format(bytes(raw), indent=-1) if compact else bytes(raw)).decode()
    except UNREADABLE as error:
        raise misfit(error, raw, place) from None


def read(response: Members, call_id: str, name: str, words: dict[str, str]) -> ToolResult:
    """Return a `functionResponse` as the result of this call. `words` learns as `media.read` tells."""
    text, is_error = _said(response)
    parts: list[Text | Media] = [Text(text=text)] if text else []
    for part in response.objects("parts"):
        part.only("inlineData", "fileData")
        parts.append(media.read(part, words))
    return ToolResult(call_id=call_id, name=name, parts=tuple(parts), is_error=is_error)


def _said(response: Members) -> tuple[str, bool]:
    """The text of a result, and whether it is an error's."""
    raw = response.raw("response")
    if raw is None:
        return "", False
    text = json_text(raw, response.at("response"))
    members = _read_members(raw)
    if len(members) == 1:
        name, value = next(iter(members.items()))
        if name == "error" or name in _OUTPUT:
            return _plain(value), name == "error"
    return text, False


def _plain(value: msgspec.Raw) -> str:
    """A JSON string as what it says, anything else as JSON. All of it was found to be UTF-8 before."""
    try:
        return _read_text(value)
    except msgspec.ValidationError:
        return bytes(value).decode()


def write(result: ToolResult, parts: list[dict[str, object]]) -> dict[str, object]:
    """Return a `functionResponse` part. `parts` is the media that it shall hold itself.

    Raises:
        BadRequest: the history does not tell which function it is of; Gemini has to be told.
    """
    if not result.name:
        raise BadRequest(f"The tool result '{result.call_id}' answers no tool call of this request.")
    text = whole("\n".join(part.text for part in result.parts if isinstance(part, Text)))
    response = _object(text)
    if response is None:
        response = {"error" if result.is_error else "result": text}
    elif result.is_error and "error" not in response:
        response = {"error": response}
    body: dict[str, object] = {"id": result.call_id} if result.call_id else {}
    body |= {"name": result.name, "response": response}
    return {"functionResponse": body | {"parts": parts} if parts else body}


def _object(text: str) -> dict[str, object] | None:
    """The text as a JSON object, its members byte for byte; None if it is something else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return dict(_read_members(text))
    except UNREADABLE:
        return None
