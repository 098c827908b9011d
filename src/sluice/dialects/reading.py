"""What every dialect needs to read JSON from outside: what may go wrong, and the sentence that says where."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from sluice.chat.request import MAX_CHOICES
from sluice.errors import BadRequest

ABSENT = msgspec.Raw(b"")
"""A member that was not sent. (`Raw | None` would not do: it accepts null and nothing else.)"""
NULL = msgspec.Raw(b"null")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON from outside may raise: no JSON or the wrong type, text that is not UTF-8, nested too deeply."""

MAX_TEXT = 1024
"""Characters of a provider's own text that are quoted (dialects.md, decision 10): an HTML page is no error message."""

PINGS = frozenset(["ping", "keepalive", "keep-alive", "heartbeat"])
"""Names and types of events that say that the connection lives, and nothing of the answer. A closed list: what is not
in it is a sign that the provider goes on, known here or not."""

_FIRST, _SECOND = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(?:((?:%b%b)++)|%b|%b)" % (_FIRST, _SECOND, _FIRST, _SECOND),
)
"""Characters that are written as two escapes each, as many as there are; or half of one. An even number of backslashes
before them is text."""
_PLACE = re.compile(r"^(?P<what>.*?) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)
_BYTE = re.compile(r"^JSON is malformed: (?P<what>.*) \(byte (?P<byte>\d+)\)$", re.DOTALL)


Read = TypeVar("Read")


class _Typed(msgspec.Struct, gc=False):
    type: str = ""


_read_type = msgspec.json.Decoder(_Typed).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def kind_of(data: bytes, name: str) -> str:
    """What an event is: its `type`, else its name. Never raises, whatever the data is."""
    try:
        return _read_type(data).type or name
    except UNREADABLE:
        return name


def is_ping(data: bytes, name: str) -> bool:
    """Whether an event says by its name that it is a ping, or by its type if it has no name of its own."""
    return (kind_of(data, "") if name in ("", "message") else name) in PINGS


def leniently(read: Callable[[bytes | msgspec.Raw], Read], data: bytes | msgspec.Raw) -> tuple[Read, list[str]]:
    """Read an object of which no member is required, as if those that cannot be read were not there; return their names
    too.

    Raises:
        DecodeError: it is no object. Any of UNREADABLE may be.
    """
    try:
        return read(data), []
    except UNREADABLE:
        spoilt = {name for name, raw in _read_members(data).items() if not _reads(read, name, raw)}
    members = {name: raw for name, raw in _read_members(data).items() if name not in spoilt}
    return read(msgspec.json.encode(members)), sorted(spoilt)


def legible(data: bytes) -> bytes:
    """Return JSON with U+FFFD for each character of which only a part is there, as most clients read it: half a
    surrogate pair where JavaScript cut a text, half a sequence of UTF-8. What has none is returned as it is."""
    try:
        data.decode()
    except UnicodeDecodeError:
        data = data.decode(errors="replace").encode()
    return _SURROGATES.sub(lambda found: found[0] if found[2] else found[1] + b"\\ufffd", data)


def member(data: bytes, name: str) -> msgspec.Raw:
    """Return a member of what cannot be read whole, ABSENT if there is none. Never raises, whatever the data is."""
    try:
        return _read_members(data).get(name, ABSENT)
    except UNREADABLE:
        return ABSENT


def _reads(read: Callable[[bytes], object], name: str, raw: msgspec.Raw) -> bool:
    try:
        read(msgspec.json.encode({name: raw}))
    except UNREADABLE:
        return False
    return True


def explain(error: Exception, body: bytes) -> BadRequest:
    """Turn msgspec's message into a sentence that names the place as people look for it."""
    message = str(error)
    if isinstance(error, RecursionError):
        return BadRequest("The body is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return BadRequest("The body is not valid UTF-8.")
    if not body.strip():
        return BadRequest("The request has no body; a JSON object is expected.")
    if match := _PLACE.match(message):
        param = match["path"].replace("[...]", "[]")
        return BadRequest(f"Invalid value for '{param}': {_in_words(match['what'])}.", param=param)
    if match := _BYTE.match(message):
        at = int(match["byte"])
        line, column = body.count(b"\n", 0, at) + 1, at - (body.rfind(b"\n", 0, at) + 1) + 1
        return BadRequest(f"The body is not valid JSON: {match['what']} at line {line}, column {column} (byte {at}).")
    if match := re.match(r"^Object missing required field `(\w+)`$", message):
        return BadRequest(f"Missing required parameter: '{match[1]}'.", param=match[1])
    return BadRequest(f"The body is not a valid request: {_in_words(message)}.")


def choices(wanted: int | None, param: str) -> int:
    """Return how many answers are asked for; 0, null and nothing mean one.

    Raises:
        BadRequest: more than any provider gives, or fewer than none.
    """
    if wanted is not None and not 0 <= wanted <= MAX_CHOICES:
        raise BadRequest(f"Invalid value for '{param}': expected an integer from 1 to {MAX_CHOICES}.", param=param)
    return wanted or 1


def bound(wanted: int | None, param: str) -> int | None:
    """Return how many tokens an answer may have; None = the request does not say.

    Raises:
        BadRequest: none at all, or fewer: that would be taken off what others have used.
    """
    if wanted is not None and wanted < 1:
        raise BadRequest(f"Invalid value for '{param}': expected an integer of at least 1.", param=param)
    return wanted


_DECIDING = (
    frozenset({"model", "models", "stream", "n", "max_tokens", "max_completion_tokens", "max_output_tokens"})
    | {"messages", "system", "input", "instructions", "prompt", "tools", "documents", "query"}
    | {"contents", "systemInstruction", "system_instruction", "generationConfig", "generation_config"}
)
"""Members by which Sluice decides: who is asked, whether they may be, what is looked at and what it may cost."""
_ANY_CASE = frozenset(map(str.lower, _DECIDING))


def tell_apart(members: Iterable[str]) -> None:
    """Pass unless a member looks like one by which Sluice decides, but for its case: readers of JSON that do not mind
    case (Go's) would let it decide instead.

    Raises:
        BadRequest: one does.
    """
    for name in members:
        if name not in _DECIDING and name.lower() in _ANY_CASE:
            shown = name[:64]
            raise BadRequest(
                f"The member '{shown}' looks like another but for its case: is that one meant?", param=shown
            )


_WORDS = {
    "bool": "a boolean",
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def _in_words(message: str) -> str:
    """`Expected `bool | null`, got `str`` as a sentence in JSON's words."""

    def words(match: re.Match[str]) -> str:
        return " or ".join(_WORDS.get(name, name) for name in match[1].split(" | "))

    text = re.sub(r"`([^`]*)`", words, message)
    return text[:1].lower() + text[1:]


def text_of(body: bytes) -> str:
    """The beginning of a body that is none of the API's, fit to be quoted."""
    return body.strip()[: 4 * MAX_TEXT].decode("utf-8", "replace").strip()[:MAX_TEXT]


def numeric_status(code: str | None) -> int:
    """The status that an error inside a 200 names as its code; 502 if it is none."""
    return int(code) if code and re.fullmatch("[45][0-9][0-9]", code) else 502
