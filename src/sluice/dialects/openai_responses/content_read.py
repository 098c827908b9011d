"""Content parts of a client's messages and tool outputs."""

import re

import msgspec

from sluice.chat.carry import feature_of
from sluice.chat.content import CacheMark, Media, Refusal, Text
from sluice.dialects.openai_responses.facts import WORDS
from sluice.dialects.openai_responses.places import read_at
from sluice.dialects.reading import ABSENT, NULL
from sluice.errors import BadRequest

_MEMBERS = {
    "image_data": "image_url",
    "image_url": "image_url",
    "image_id": "file_id",
    "file_data": "file_data",
    "file_url": "file_url",
    "file_id": "file_id",
    "audio": "input_audio",
}
"""Where a part holds what it has of each kind."""


class _Audio(msgspec.Struct):
    data: str = ""
    format: str = ""


class _Part(msgspec.Struct):
    """A content part of any type."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: str | None = None
    input_audio: _Audio | None = None
    prompt_cache_breakpoint: msgspec.Raw = ABSENT


ContentPart = Text | Refusal | Media
_read_content = msgspec.json.Decoder(str | list[msgspec.Raw] | None)
_read_part = msgspec.json.Decoder(_Part)

_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]*)*;base64,(?P<data>.*)", re.DOTALL | re.IGNORECASE)
_TYPE_OF_NAME = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
}
_TYPE_OF_SOUND = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def read_content(raw: msgspec.Raw, place: str, words: dict[str, str]) -> list[ContentPart]:
    """Read a text or a list of parts. `words` learns the place of the first image or file of each kind.

    Raises:
        BadRequest: it is neither, or a part is of an unknown type or says nothing; `param` names the part.
    """
    said = read_at(raw, _read_content, place)
    if isinstance(said, str):
        return [Text(text=said)]
    return [read_part(part, f"{place}[{index}]", words) for index, part in enumerate(said or ())]


def read_part(raw: msgspec.Raw, place: str, words: dict[str, str]) -> ContentPart:
    """Read one part. Raises as `read_content` does."""
    part = _part(read_at(raw, _read_part, place), place)
    if isinstance(part, Media):
        feature = feature_of(part)
        if words.get(feature) == WORDS.get(feature):  # the first of its kind
            words[feature] = f"{place}.{_MEMBERS[feature]}"
    return part


def _part(part: _Part, place: str) -> ContentPart:
    cache = None if part.prompt_cache_breakpoint in (ABSENT, NULL) else CacheMark()
    match part.type:
        case "input_text" | "output_text" | "text" if part.text is not None:
            return Text(text=part.text, cache=cache)
        case "refusal" if part.refusal is not None:
            return Refusal(text=part.refusal)
        case "input_image" | "computer_screenshot":
            return _image(part, place, cache)
        case "input_file":
            return _file(part, place, cache)
        case "input_audio" if part.input_audio is not None:
            kind = _TYPE_OF_SOUND.get(part.input_audio.format, f"audio/{part.input_audio.format}")
            return Media(kind="audio", media_type=kind, data=part.input_audio.data, cache=cache)
        case "input_text" | "output_text" | "text" | "refusal" | "input_audio":
            member = {"refusal": "refusal", "input_audio": "input_audio"}.get(part.type, "text")
            raise BadRequest(f"Missing required parameter: '{place}.{member}'.", param=f"{place}.{member}")
        case _:
            word = part.type or "none"
            raise BadRequest(
                f"Unsupported type of content for a translated request at '{place}': {word!r}.", param=place
            )


def _image(part: _Part, place: str, cache: CacheMark | None) -> Media:
    detail = part.detail or ""
    if part.image_url:
        inline = _inline(part.image_url, f"{place}.image_url")
        if inline is None:
            return Media(kind="image", url=part.image_url, detail=detail, cache=cache)
        return Media(kind="image", media_type=inline[0], data=inline[1], detail=detail, cache=cache)
    if part.file_id:
        return Media(kind="image", file_id=part.file_id, detail=detail, cache=cache)
    raise BadRequest(f"Missing required parameter: '{place}.image_url'.", param=f"{place}.image_url")


def _file(part: _Part, place: str, cache: CacheMark | None) -> Media:
    name = part.filename or ""
    if part.file_data:
        inline = _inline(part.file_data, f"{place}.file_data")
        kind, data = inline or ("", part.file_data)
        kind = kind or _TYPE_OF_NAME.get(name.rpartition(".")[2].lower(), "")
        return Media(kind="file", media_type=kind, data=data, name=name, cache=cache)
    if part.file_url:
        return Media(kind="file", url=part.file_url, name=name, cache=cache)
    if part.file_id:
        return Media(kind="file", file_id=part.file_id, name=name, cache=cache)
    raise BadRequest(f"Missing required parameter: '{place}.file_data'.", param=f"{place}.file_data")


def _inline(url: str, place: str) -> tuple[str, str] | None:
    """The media type and the base64 of a data URL; None if it is no data URL."""
    if url[:5].lower() != "data:":
        return None
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise BadRequest(f"Invalid value for '{place}': a data URL has to be base64.", param=place)
    return match["type"].lower(), match["data"]
