"""OpenAI chat requests, read and written.

A request that goes to a provider of the same dialect is patched, not rebuilt: members keep their order and their bytes.
"""

import re

import msgspec

from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat.schema import UNREADABLE
from sluice.errors import BadRequest


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Message(msgspec.Struct):
    role: str


class _Body(msgspec.Struct):
    """The members that Sluice itself reads. Everything else is the provider's business."""

    messages: list[_Message]
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None


_read_body = msgspec.json.Decoder(_Body).decode
_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

_TRUE = msgspec.Raw(b"true")
_ASK_USAGE = msgspec.Raw(b'{"include_usage":true}')
_PLACE = re.compile(r"^(?P<what>.*?) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)
_BYTE = re.compile(r"^JSON is malformed: (?P<what>.*) \(byte (?P<byte>\d+)\)$", re.DOTALL)


def read(body: bytes) -> ChatRequest:
    """Read the body of `POST /v1/chat/completions`.

    Raises:
        BadRequest: not JSON, not an object, no messages, or a member of the wrong type; message and `param` name
        the place.
    """
    try:
        known = _read_body(body)
        fields = _read_fields(body)
        if known.stream_options is not None:
            _read_fields(fields["stream_options"])  # `write` will: what is wrong in it has to be said now
    except UNREADABLE as error:
        raise _explain(error, body) from None
    return ChatRequest(
        model=known.model or "",
        stream=known.stream or False,
        wants_usage=bool(known.stream_options and known.stream_options.include_usage),
        choices=known.n or 1,
        temperature=known.temperature,
        top_p=known.top_p,
        max_tokens=known.max_completion_tokens if known.max_completion_tokens is not None else known.max_tokens,
        frequency_penalty=known.frequency_penalty,
        presence_penalty=known.presence_penalty,
        seed=known.seed,
        fields=fields,
    )


def write(chat: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
    """Write the body for a provider. The client's own members stay as they are, but for the model and the wish for
    usage."""
    fields = chat.fields
    replace: dict[str, msgspec.Raw] = {}
    if model and model != chat.model:
        replace["model"] = msgspec.Raw(_encode(model))
    if ask_usage and chat.stream and not chat.wants_usage:
        replace["stream_options"] = _with_usage(fields.get("stream_options"))
    return _encode(fields | replace)


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    if options is None or bytes(options).strip() == b"null":
        return _ASK_USAGE
    return msgspec.Raw(_encode(_read_fields(options) | {"include_usage": _TRUE}))


def _explain(error: Exception, body: bytes) -> BadRequest:
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
