"""What the fake provider reads of a chat request, and how it refuses one: in the published API's own words.

Pure. Source: platform.openai.com/docs/api-reference/chat and /docs/guides/error-codes, read 2026-11-21. Unknown
members are accepted: a gateway has to pass them on.
"""

import hashlib
import re
from typing import Annotated, Literal

import msgspec

from sluice.dialects.openai_chat.schema import UNREADABLE
from sluice.testing.fake_schema import Schema
from sluice.wire.http1 import Header


class Refusal(Exception):
    """The request is answered with an error object. `headers` come on top of the usual ones."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        headers: tuple[Header, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self._error = {"message": message, "type": kind, "param": param, "code": code}

    @property
    def body(self) -> bytes:
        """The error object, laid out as the provider does."""
        return msgspec.json.format(msgspec.json.encode({"error": self._error}), indent=2) + b"\n"


MAX_WANTED_CHARS = 256 << 10
"""Longest text that a request may ask for: every token of it is held until it is read, and any client may ask."""


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the request."""


class Part(_Read, frozen=True):
    type: str
    text: str | None = None


class Message(_Read, frozen=True):
    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The text of a message, its parts joined; images and files have none."""
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""


class Function(_Read, frozen=True):
    name: str
    description: str | None = None
    parameters: Schema | None = None


class Tool(_Read, frozen=True):
    type: str
    function: Function | None = None


class NamedFunction(_Read, frozen=True):
    name: str


class NamedTool(_Read, frozen=True):
    type: str
    function: NamedFunction | None = None


class StreamOptions(_Read, frozen=True):
    include_usage: bool | None = None


class JsonSchema(_Read, frozen=True):
    schema: Schema | None = None


class ResponseFormat(_Read, frozen=True):
    type: str
    json_schema: JsonSchema | None = None


_Text = Annotated[str, msgspec.Meta(max_length=MAX_WANTED_CHARS)]


class Wanted(_Read, frozen=True):
    """The answer that the request itself asks for, word for word."""

    content: _Text | None = None
    reasoning: _Text | None = None
    refusal: _Text | None = None


_Count = Annotated[int, msgspec.Meta(ge=1)]


class Asked(_Read, frozen=True):
    """A chat request."""

    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    fake: Wanted | None = None
    httpbun: Wanted | None = None
    """The same wish as other mock providers spell it."""

    @property
    def question(self) -> str:
        """The text of the user's last message."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def wants_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def max_output(self) -> int | None:
        """Tokens."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens


_decode = msgspec.json.Decoder(Asked).decode
_decode_any = msgspec.json.Decoder().decode
_seed_encoder = msgspec.json.Encoder(order="deterministic")


def read(body: bytes) -> tuple[Asked, bytes]:
    """Return the request and its seed: requests that ask the same, streaming or not, have the same one.

    Raises:
        Refusal: 400; the body is not JSON, a member is missing, of the wrong type or out of bounds.
    """
    try:
        members = _decode_any(body)
    except UNREADABLE:
        raise Refusal(400, _NOT_JSON) from None
    if not isinstance(members, dict):
        raise Refusal(400, "Invalid type for request body: expected an object.", code="invalid_type")
    if not members.get("model"):
        raise Refusal(400, "you must provide a model parameter")
    try:
        asked = _decode(body)
    except UNREADABLE as error:
        raise _explained(str(error), body) from None
    for how in ("stream", "stream_options"):
        members.pop(how, None)
    return asked, hashlib.sha256(_seed_encoder.encode(members)).digest()


_NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
)
_WORDS = {
    "bool": "a boolean",
    "int": "an integer",
    "float": "a decimal",
    "str": "a string",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>\w+)`$")
_TYPE = re.compile(r"^Expected `(?P<want>[^`]*)`, got `(?P<got>[^`]*)`$")
_LENGTH = re.compile(r"^Expected `array` of length >= 1$")
_RANGE = re.compile(r"^Expected `(?P<kind>int|float)` (?P<sign>[<>])= (?P<bound>[\d.]+)$")


def _explained(message: str, body: bytes) -> Refusal:
    """Turn msgspec's sentence into the provider's."""
    place = _PLACE.match(message)
    assert place is not None
    what, param = place["what"], (place["path"] or "").lstrip(".")
    if match := _MISSING.match(what):
        param = f"{param}.{match['name']}".lstrip(".")
        return Refusal(400, f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    if match := _TYPE.match(what):
        want = " or ".join(_WORDS.get(word, word) for word in match["want"].split(" | ") if word != "null")
        got = _WORDS.get(match["got"], match["got"])
        sentence = f"Invalid type for '{param}': expected {want}, but got {got} instead."
        return Refusal(400, sentence, code="invalid_type", param=param)
    if _LENGTH.match(what):
        sentence = f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array"
        return Refusal(400, f"{sentence} instead.", code="empty_array", param=param)
    if match := _RANGE.match(what):
        least = match["sign"] == ">"
        kind = "integer" if match["kind"] == "int" else "decimal"
        edge = "below minimum" if least else "above maximum"
        value = f"{kind}_{'below_min' if least else 'above_max'}_value"
        sentence = f"Invalid '{param}': {kind} {edge} value. Expected a value {match['sign']}= {match['bound']}."
        return Refusal(400, sentence, code=value, param=param)
    return Refusal(400, f"Invalid value for '{param}': {what}.", code="invalid_value", param=param)
