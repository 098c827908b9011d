"""Parts of messages as OpenAI's two APIs send them, read into ours.

Chat completions: text, image_url, input_audio, file, refusal. Responses: input_text, output_text, input_image,
input_file and the same. Source: platform.openai.com/docs/api-reference, read 2026-11-21.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from sluice.errors import BadRequest
from sluice.runs.messages import FilePart, Part, TextPart, ToolCallPart

T = TypeVar("T")
_TEXTS = frozenset({"text", "input_text", "output_text", "summary_text", "reasoning_text"})


class _Url(msgspec.Struct, frozen=True):
    url: str


class _Audio(msgspec.Struct, frozen=True):
    data: str
    format: str


class _File(msgspec.Struct, frozen=True):
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Content(msgspec.Struct, frozen=True):
    """A part; which members it has depends on its type."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | _Url | None = None
    input_audio: _Audio | None = None
    file: _File | None = None
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None


def parts_of(content: str | list[Content] | None, place: str) -> tuple[Part, ...]:
    """Return the parts of a message; `place` is where its content stands in the body.

    Raises:
        BadRequest: a part of a type that there is not, or without what it should hold.
    """
    if content is None:
        return ()
    if isinstance(content, str):
        return (TextPart(text=content),)
    return tuple(_part(part, f"{place}[{index}]") for index, part in enumerate(content))


def text_of(content: str | list[Content] | None, place: str) -> str:
    """Return the text of a content; `place` as in `parts_of`.

    Raises:
        BadRequest: as `parts_of`.
    """
    return "".join(part.text for part in parts_of(content, place) if isinstance(part, TextPart))


def _part(part: Content, place: str) -> Part:
    if part.type in _TEXTS:
        return TextPart(text=_given(part.text, f"{place}.text"))
    match part.type:
        case "refusal":
            return TextPart(text=_given(part.refusal, f"{place}.refusal"))
        case "image_url" | "input_image":
            if part.file_id is not None:
                raise _no_files(f"{place}.file_id")
            image = part.image_url
            url = _given(image.url if isinstance(image, _Url) else image, f"{place}.image_url")
            return FilePart(url=url, media_type=_media_type(url, "image/*"))
        case "input_audio":
            audio = _given(part.input_audio, f"{place}.input_audio")
            media_type = "audio/mpeg" if audio.format == "mp3" else f"audio/{audio.format}"
            return FilePart(url=f"data:{media_type};base64,{audio.data}", media_type=media_type)
        case "file":
            return _file(_given(part.file, f"{place}.file"), f"{place}.file")
        case "input_file":
            file = _File(part.file_data, part.file_url, part.file_id, part.filename)
            return _file(file, place)
    raise BadRequest(f"{part.type!r} is no type of content that an agent takes", param=f"{place}.type")


def _file(file: _File, place: str) -> FilePart:
    if file.file_id is not None:
        raise _no_files(f"{place}.file_id")
    url = file.file_url or _given(file.file_data, f"{place}.file_data")
    if file.file_url is None and not url.startswith("data:"):
        url = f"data:application/octet-stream;base64,{url}"
    return FilePart(url=url, media_type=_media_type(url, "application/octet-stream"), name=file.filename or "")


def _media_type(url: str, default: str) -> str:
    if not url.startswith("data:"):
        return default
    return url[len("data:") : 200].partition(",")[0].partition(";")[0] or default


def _no_files(place: str) -> BadRequest:
    return BadRequest("this server keeps no files: send the data itself, or its address", param=place)


def _given(value: T | None, place: str) -> T:
    if value is None:
        raise BadRequest("this is missing", param=place)
    return value


class Function(msgspec.Struct, frozen=True):
    """The function of a tool call: its arguments are JSON, as a text."""

    name: str
    arguments: str = ""


def call_of(call_id: str, function: Function) -> ToolCallPart:
    """Return a call of a tool. Arguments that are no JSON stay the text that they are."""
    try:
        given: object = msgspec.json.decode(function.arguments or "{}")
    except msgspec.DecodeError:
        given = function.arguments
    return ToolCallPart(id=call_id, name=function.name, input=given)


def known(sent: Mapping[str, object]) -> dict[str, object]:
    """Return what was said; None was not."""
    return {key: value for key, value in sent.items() if value is not None}
