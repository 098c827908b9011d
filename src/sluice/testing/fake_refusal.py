"""How the fake provider refuses: the facts of an error, which each dialect writes in its vendor's shape. Pure.

What msgspec says of a body is read here once, into `Misfit`; the vendors' sentences are the readers' business.
"""

import hashlib
import re
from typing import Literal

import msgspec

from sluice.wire.http1 import Header

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError, RecursionError)
"""What reading JSON from outside may raise: no JSON or the wrong type, no UTF-8, nested too deeply."""


class Refusal(Exception):
    """The request is answered with an error. `headers` come on top of the usual ones; `code`, `param` and `kind` are
    OpenAI's members, other dialects have no place for them."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "",
        headers: tuple[Header, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind or _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
        self.headers = headers

    @property
    def body(self) -> bytes:
        """The error object of OpenAI, laid out as that provider does."""
        return msgspec.json.format(msgspec.json.encode({"error": self.in_openai_shape}), indent=2) + b"\n"

    @property
    def in_openai_shape(self) -> dict[str, str | None]:
        """The members of that object."""
        code = "rate_limit_exceeded" if self.code is None and self.status == 429 else self.code
        return {"message": self.message, "type": self.kind, "param": self.param, "code": code}


_KINDS = {429: "requests"}
"""OpenAI names what there was too much of; other types go by the class of the status."""


class Misfit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a body."""

    kind: Literal["missing", "type", "empty", "range", "other"]
    path: str
    """Names and `[n]`; empty = the body itself."""
    what: str
    """msgspec's own sentence."""
    want: tuple[str, ...] = ()
    """Types, in msgspec's words; `null` is left out."""
    got: str = ""
    sign: str = ""
    bound: str = ""
    number: str = ""
    """`int` or `float`."""

    @property
    def dotted(self) -> str:
        """The path as pydantic and Google write it: `messages.0.role`."""
        return re.sub(r"\[(\d+|\.\.\.)\]", r".\1", self.path).lstrip(".")


_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>\w+)`$")
_TYPE = re.compile(r"^Expected `(?P<want>[^`]*)`, got `(?P<got>[^`]*)`$")
_LENGTH = re.compile(r"^Expected `(?:array|str)` of length >= 1$")
_RANGE = re.compile(r"^Expected `(?P<kind>int|float)` (?P<sign>[<>])= (?P<bound>[\d.]+)$")


def misfit(error: Exception) -> Misfit:
    """Read what msgspec says of a body that does not fit."""
    place = _PLACE.match(str(error))
    assert place is not None
    what, path = place["what"], (place["path"] or "").lstrip(".")
    if match := _MISSING.match(what):
        return Misfit(kind="missing", path=f"{path}.{match['name']}".lstrip("."), what=what)
    if match := _TYPE.match(what):
        want = tuple(word for word in match["want"].split(" | ") if word != "null")
        return Misfit(kind="type", path=path, what=what, want=want, got=match["got"])
    if _LENGTH.match(what):
        return Misfit(kind="empty", path=path, what=what)
    if match := _RANGE.match(what):
        return Misfit(
            kind="range", path=path, what=what, number=match["kind"], sign=match["sign"], bound=match["bound"]
        )
    return Misfit(kind="other", path=path, what=what)


_WORDS = {
    "bool": "a boolean",
    "int": "an integer",
    "float": "a decimal",
    "str": "a string",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def in_openai_words(error: Exception) -> Refusal:
    """Return the refusal that OpenAI's APIs give for a body that does not fit."""
    found = misfit(error)
    param = found.path
    match found.kind:
        case "missing":
            sentence = f"Missing required parameter: '{param}'."
            return Refusal(400, sentence, code="missing_required_parameter", param=param)
        case "type":
            want = " or ".join(_WORDS.get(word, word) for word in found.want)
            got = _WORDS.get(found.got, found.got)
            sentence = f"Invalid type for '{param}': expected {want}, but got {got} instead."
            return Refusal(400, sentence, code="invalid_type", param=param)
        case "empty":
            sentence = f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty"
            return Refusal(400, f"{sentence} array instead.", code="empty_array", param=param)
        case "range":
            least = found.sign == ">"
            kind = "integer" if found.number == "int" else "decimal"
            edge = "below minimum" if least else "above maximum"
            value = f"{kind}_{'below_min' if least else 'above_max'}_value"
            sentence = f"Invalid '{param}': {kind} {edge} value. Expected a value {found.sign}= {found.bound}."
            return Refusal(400, sentence, code=value, param=param)
        case "other":
            return Refusal(400, f"Invalid value for '{param}': {found.what}.", code="invalid_value", param=param)


_decode_any = msgspec.json.Decoder().decode


def members(body: bytes) -> dict[str, object]:
    """Return the members of a JSON object.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: the body is no JSON object (see `UNREADABLE`).
    """
    found = _decode_any(body)
    if not isinstance(found, dict):
        raise msgspec.ValidationError(f"Expected `object`, got `{_name(found)}`")
    return found


def _name(value: object) -> str:
    if value is None:
        return "null"
    return "array" if isinstance(value, list) else type(value).__name__


_seed_encoder = msgspec.json.Encoder(order="deterministic")


def seed(found: dict[str, object]) -> bytes:
    """Return the seed of a request's members: requests that ask the same, streaming or not, have the same one.

    Raises:
        RecursionError, UnicodeEncodeError: the members cannot be written again (see `UNREADABLE`).
    """
    asked = {name: value for name, value in found.items() if name not in ("stream", "stream_options")}
    return hashlib.sha256(_seed_encoder.encode(asked)).digest()
