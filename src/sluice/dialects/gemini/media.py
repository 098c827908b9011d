"""Images, files, sound and video: `inlineData` and `fileData`, read and written.

Sources: ai.google.dev/gemini-api/docs/file-input-methods and cloud.google.com/vertex-ai (FileData), read 2026-11-21:
both APIs fetch public `https` addresses; `gs://` and `files/...` are names of Google's own.
"""

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from sluice.chat.carry import feature_of
from sluice.chat.content import Media, MediaKind
from sluice.dialects.gemini.facts import WORDS
from sluice.dialects.gemini.members import Members
from sluice.errors import BadRequest

_KINDS: dict[str, MediaKind] = {"image": "image", "audio": "audio", "video": "video"}
_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mpeg": "video/mpeg",
}
_WATCHED = re.compile(r"https?://(www\.)?(youtube\.com|youtu\.be)/")
_GOOGLES = re.compile(r"(gs://|files/|https://generativelanguage\.googleapis\.com/)")


def read(part: Members, words: dict[str, str]) -> Media:
    """Return the media of a part, of a message or of a function's response. `words` learns the place of the first of
    each kind."""
    media = _read(part)
    feature = feature_of(media)
    if words.get(feature) == WORDS.get(feature):
        words[feature] = part.at("inlineData" if media.data else "fileData")
    return media


def _read(part: Members) -> Media:
    inline = part.object("inlineData")
    if inline is not None:
        inline.only("data", "mimeType", "displayName")
        data, media_type = inline.text("data"), inline.text("mimeType")
        if not data or not media_type:
            raise BadRequest(f"'{inline.place}' has to hold `mimeType` and `data`.", param=inline.place)
        name = inline.text("displayName") or ""
        return Media(kind=_kind(media_type), media_type=media_type, data=_standard(data), name=name)
    file = part.object("fileData")
    uri = file.text("fileUri") if file is not None else None
    if file is None or not uri:
        raise BadRequest(f"'{part.at('fileData')}' has to hold a `fileUri`.", param=part.at("fileData"))
    file.only("fileUri", "mimeType", "displayName")
    media_type = file.text("mimeType") or _type_of(uri)
    kind: MediaKind = "video" if _WATCHED.match(uri) else _kind(media_type)
    name = file.text("displayName") or ""
    if uri.startswith(("http://", "https://")) and not _GOOGLES.match(uri):
        return Media(kind=kind, media_type=media_type, url=uri, name=name)
    return Media(kind=kind, media_type=media_type, file_id=uri, name=name)


def write(media: Media, words: Mapping[str, str]) -> dict[str, object]:
    """Return media as a part.

    Raises:
        BadRequest: it is a file of another provider's.
    """
    if media.data:
        media_type = media.media_type or _DEFAULTS[media.kind]
        return {"inlineData": {"mimeType": media_type, "data": media.data}}
    if media.file_id and not _GOOGLES.match(media.file_id):
        feature = "image_id" if media.kind == "image" else "file_id"
        word = words.get(feature, feature)
        raise BadRequest(f"'{word}' cannot be sent to Gemini: '{media.file_id}' is no file of Google's.", param=word)
    uri = media.url or media.file_id
    media_type = media.media_type or _type_of(uri)
    return {"fileData": {"mimeType": media_type, "fileUri": uri} if media_type else {"fileUri": uri}}


_DEFAULTS: dict[MediaKind, str] = {
    "image": "image/png",
    "file": "application/pdf",
    "audio": "audio/wav",
    "video": "video/mp4",
}


def _kind(media_type: str) -> MediaKind:
    return _KINDS.get(media_type.partition("/")[0].lower(), "file")


def _type_of(uri: str) -> str:
    """The type that the end of an address tells; empty if it does not, which the Gemini API bears."""
    try:
        path = urlsplit(uri).path
    except ValueError:
        return ""
    return _TYPES.get(posixpath.splitext(path)[1].lower(), "")


def _standard(data: str) -> str:
    """Base64 of either alphabet as the vocabulary wants it."""
    plain = data.translate(str.maketrans("-_", "+/"))
    return plain + "=" * (-len(plain) % 4)
