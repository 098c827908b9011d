"""Files that stand in a request, in base64 or in a data URL, as the text that they are, and back.

A file is text if its media type says so; one whose type says nothing, if it reads as text. What claims to be text and
cannot be read is refused: what a provider would make of it, nobody has looked at.
Obeys: RFC 2397 (data URLs), RFC 4648 (base64, both alphabets), RFC 2046, 4.1.2 (charset); read 2026-11-21.
"""

import base64
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import quote_from_bytes, unquote, unquote_to_bytes

import msgspec

from sluice.errors import BadRequest

_DATA_URL = re.compile(r"\s*data:(?P<type>[^;,]*)(?P<options>(?:;[^;,]*)*),", re.DOTALL | re.IGNORECASE)
_BASE64 = re.compile(r";\s*base64\s*$", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?(?P<name>[^;\"\s]*)", re.IGNORECASE)
_TEXTUAL = re.compile(
    r"\s*(text/|application/(.*\+)?(json|xml|yaml|x-yaml|javascript|x-javascript|x-ndjson|jsonl|sql|toml|csv|x-sh)\b"
    r"|image/svg|message/)",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\s*(application/(octet-stream|x-binary|binary|unknown)|binary/octet-stream|\*/\*|$)", re.IGNORECASE
)
"""Types that say nothing."""
_CODINGS = re.compile(
    r"(utf-?8|utf-?(16|32)(-?[lb]e)?|us-ascii|ascii|latin-?1|iso-?8859-?(1[0-6]|[1-9])|windows-12(5[0-8])|cp125[0-8]"
    r"|koi8-[ru]|shift_jis|euc-(jp|kr)|gb2312|gbk|gb18030|big5)",
    re.IGNORECASE,
)
_WIDE = re.compile(r"utf-?(16|32)", re.IGNORECASE)
"""Those in which ASCII does not stand for itself."""
_MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""The byte order marks of codings other than UTF-8."""
_SAFE = "!$&'()*+,-./:;=?@_~"
"""What a data URL may hold as it is."""
_URL_SAFE = str.maketrans("-_", "+/")
_MAGIC = (b"%PDF-", b"{\\rtf", b"PK\x03\x04", b"GIF8")
"""How files begin that are no text though all of their bytes may be."""
_TEXT_NAMES = re.compile(
    r".*\.(txt|text|md|markdown|rst|tex|csv|tsv|jsonl?|ndjson|xml|ya?ml|toml|ini|cfg|conf|env|log|html?|css|svg|eml|ics"
    r"|vcf|srt|vtt|py|m?js|tsx?|jsx|java|kt|c|h|cc|[ch]pp|cs|go|rs|rb|php|pl|lua|r|swift|scala|sh|bash|ps1|sql|diff|patch)",
    re.IGNORECASE | re.DOTALL,
)
"""How the names of files of text end."""

Written = Callable[[str], str]
"""Another text as it has to stand in the request."""


class TextFile(msgspec.Struct, frozen=True):
    """What a file says."""

    text: str
    written: Written


def data_url(value: str, file_name: str = "") -> TextFile | None:
    """Return what a data URL holds; None if it is no text, or no data URL. `file_name` counts if its type says nothing.

    Raises:
        BadRequest: it claims to be text and is none.
    """
    found = _DATA_URL.match(value)
    if found is None:
        return None
    kind, options, head, data = found["type"], found["options"], value[: found.end()], value[found.end() :]
    kind = kind if kind.strip() else "text/plain"
    media_type = (_type_of(file_name) if _VAGUE.match(kind) else kind) + options
    if _BASE64.search(options):
        return base64_file(unquote(data) if "%" in data else data, media_type, head=head)
    if not _may_be_text(media_type):
        return None
    return _read(unquote_to_bytes(data), media_type, partial(_in_percents, head))


def named_file(value: str, file_name: str) -> TextFile | None:
    """Return what a data URL holds, or base64 that stands without one.

    Raises:
        BadRequest: it claims to be text and is none.
    """
    if _DATA_URL.match(value):
        return data_url(value, file_name)
    return base64_file(value, _type_of(file_name))


def base64_file(data: str, media_type: str, *, head: str = "") -> TextFile | None:
    """Return what base64 of this media type holds; None if it is no text. An empty type says nothing.

    Raises:
        BadRequest: it claims to be text and is none.
    """
    if not _may_be_text(media_type):
        return None
    digits = "".join(data.split()).translate(_URL_SAFE).rstrip("=")
    try:
        content = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except ValueError:
        if _TEXTUAL.match(media_type):
            raise _unreadable() from None
        return None
    return _read(content, media_type, partial(_in_base64, head))


def _type_of(file_name: str) -> str:
    return "text/plain" if _TEXT_NAMES.fullmatch(file_name) else ""


def _may_be_text(media_type: str) -> bool:
    return _TEXTUAL.match(media_type) is not None or _VAGUE.match(media_type.partition(";")[0]) is not None


def _read(content: bytes, media_type: str, write: Callable[[str, str], str]) -> TextFile | None:
    claims = _TEXTUAL.match(media_type) is not None
    if not claims and content.startswith(_MAGIC):
        return None
    declared = _CHARSET.search(media_type)
    coding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    if declared is not None and declared["name"]:
        coding = declared["name"]
    text = _decoded(content, coding)
    if text is None and declared is None and claims and coding == "utf-8":
        coding = "latin-1"  # every byte is a character of it
        text = _decoded(content, coding)
    if text is None or "\0" in text or _reads_otherwise(content, coding):
        if claims:
            raise _unreadable()
        return None
    return TextFile(text, partial(write, coding))


def _reads_otherwise(content: bytes, coding: str) -> bool:
    """Whether a reader that does not mind the charset reads another text."""
    return _WIDE.match(coding) is not None and "\0" not in (_decoded(content, "utf-8") or "\0")


def _decoded(content: bytes, coding: str) -> str | None:
    if not _CODINGS.fullmatch(coding):
        return None
    try:
        return content.decode(coding)
    except (UnicodeError, LookupError):
        return None


def _in_base64(head: str, coding: str, text: str) -> str:
    return head + base64.b64encode(text.encode(coding, "replace")).decode()


def _in_percents(head: str, coding: str, text: str) -> str:
    return head + quote_from_bytes(text.encode(coding, "replace"), _SAFE)


def _unreadable() -> BadRequest:
    return BadRequest(
        "A file of this request says that it is text and cannot be read as such: send it in UTF-8, "
        "or say its charset in its media type."
    )
