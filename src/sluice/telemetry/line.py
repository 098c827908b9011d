"""One log line from flat fields: JSON or text, never more than one line whatever a client sent.

Pure. The first fields are always `level`, `time` and `scope`; JSON keeps the order of the fields, text shows
`time level scope message key=value ...` (compat-agentgateway 4.3, labs 5.3).
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

import msgspec

Value = str | int | float | bool | list[object] | dict[str, object]
"""A list or a map, of values of JSON, is told by JSON lines only: see JsonText."""
Fields = dict[str, Value]
Format = Literal["json", "text"]
Encode = Callable[[Mapping[str, Value]], bytes]

_NOT_PRINTABLE = "\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
UNPRINTABLE = re.compile(f"[{_NOT_PRINTABLE}]")
"""C0, DEL, C1, line and paragraph separators, bidirectional controls, and lone surrogates, which have no UTF-8 form:
what forges a line, an escape sequence or a reading direction for whoever looks at the log."""

_is_bare = re.compile(r"[!#-<>-\[\]-~]+").fullmatch
"""ASCII without space, quote, `=` and backslash; any other text is shown in quotes."""


class JsonText(str):
    """A value of JSON as its text, which a line of text shows as it is: what is quoted is quoted already."""

    __slots__ = ()


def compact(value: object) -> str:
    """Return a value of JSON as JSON, without needless space."""
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(value, separators=(",", ":"))


def timestamp(wall_s: float) -> str:
    """Return seconds since 1970 as RFC 3339 UTC with microseconds: `2025-12-12T21:56:02.809082Z`."""
    second, microsecond = divmod(round(wall_s * 1_000_000), 1_000_000)
    return f"{_second(second)}.{microsecond:06d}Z"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def encoder(form: Format) -> Encode:
    """Return the function that turns fields into a whole line, newline included."""
    return json_line if form == "json" else text_line


def json_line(fields: Mapping[str, Value]) -> bytes:
    """Return the fields as one JSON object. A line with anything unprintable in it is ASCII, the rest `\\uXXXX`."""
    try:
        line = msgspec.json.encode(fields)
    except (UnicodeEncodeError, OverflowError):  # a lone surrogate; an integer beyond 64 bits
        return _ascii_json(fields)
    if not line.isascii() and UNPRINTABLE.search(line.decode()) is not None:
        return _ascii_json(fields)
    return line.replace(b"\x7f", b"\\u007f") + b"\n"


def _ascii_json(fields: Mapping[str, Value]) -> bytes:
    text = json.dumps(fields, separators=(",", ":"))
    return text.replace("\x7f", "\\u007f").encode() + b"\n"


def text_line(fields: Mapping[str, Value]) -> bytes:
    """Return the fields as `time level scope message key=value ...`, values quoted where they would mislead."""
    head = f"{fields['time']} {fields['level']} {fields['scope']}"
    if "message" in fields:
        head = f"{head} {fields['message']}"
    texts = [value for value in fields.values() if isinstance(value, str)]
    if "" not in texts and _is_bare("".join(texts)):  # one search for all values: the usual case at half the cost
        pairs = [f"{key}={_bool(value) if value.__class__ is bool else value}" for key, value in fields.items()]
    else:
        pairs = [f"{key}={_text(value)}" for key, value in fields.items()]
    return " ".join([_one_line(head), *pairs[3 + ("message" in fields) :]]).encode() + b"\n"


def one_word(text: str) -> str:
    """Return a text as a line of text shows it: in quotes, if it would mislead without."""
    return text if _is_bare(text) else _one_line(json.dumps(text, ensure_ascii=False))


def _text(value: Value) -> str:
    if isinstance(value, JsonText):
        return _one_line(value)
    if not isinstance(value, str):
        return _bool(value) if isinstance(value, bool) else str(value)
    return one_word(value)


def _bool(value: Value) -> str:
    return "true" if value else "false"


def _one_line(text: str) -> str:
    return text if text.isprintable() else UNPRINTABLE.sub(_escaped, text)


def _escaped(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"
