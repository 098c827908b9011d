"""Responses requests, read, patched and enriched.

A request that goes to a provider of the same dialect is patched, not rebuilt: members keep their order and their bytes.
"""

from collections.abc import Sequence

import msgspec

from sluice.chat.request import ChatRequest, Framing
from sluice.chat.seal import MARK
from sluice.dialects.many import check_values
from sluice.dialects.openai_responses import foreign
from sluice.dialects.reading import UNREADABLE, bound, explain
from sluice.errors import BadRequest


class _Body(msgspec.Struct):
    """The members that Sluice itself reads. Everything else is the provider's business."""

    input: str | list[msgspec.Raw] | None = None
    model: str | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None


_read_body = msgspec.json.Decoder(_Body).decode
_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_input = msgspec.json.Decoder(str | list[msgspec.Raw] | None).decode
_read_text = msgspec.json.Decoder(str | None).decode
_encode = msgspec.json.Encoder().encode

_MARK = MARK.encode()
_STANDS_FOR_INPUT = ("previous_response_id", "prompt", "conversation")


def read(body: bytes, *, model: str, stream: bool | None, framing: Framing) -> ChatRequest:
    """Read the body of `POST /v1/responses`.

    Raises:
        BadRequest: not JSON, not an object, no input, a member of the wrong type, or too many values; message and
        `param` name the place.
    """
    check_values(body)
    try:
        known = _read_body(body)
        fields = _read_fields(body)
    except UNREADABLE as error:
        raise explain(error, body) from None
    if known.input is None and not any(name in fields for name in _STANDS_FOR_INPUT):
        raise BadRequest("Missing required parameter: 'input'.", param="input")
    return ChatRequest(
        model=known.model or model,
        stream=bool(known.stream) if stream is None else stream,
        wants_usage=True,
        framing=framing,
        temperature=known.temperature,
        top_p=known.top_p,
        max_tokens=bound(known.max_output_tokens, "max_output_tokens"),
        fields=fields,
    )


def write(request: ChatRequest, *, model: str) -> bytes:
    """Write the body for a provider: the client's own members as they are, but for the model, `stream` where the
    request's differs, and what belongs to other providers. This API reports usage unasked."""
    fields = request.fields
    replace: dict[str, msgspec.Raw] = {}
    if model and model != _said_model(fields):
        replace["model"] = msgspec.Raw(_encode(model))
    if request.stream != (bytes(fields.get("stream", b"")).strip() == b"true"):
        replace["stream"] = msgspec.Raw(b"true" if request.stream else b"false")
    if "input" in fields and _MARK in bytes(fields["input"]):
        replace["input"] = foreign.without(fields["input"])
    return _encode(fields | replace)


def _said_model(fields: dict[str, msgspec.Raw]) -> str | None:
    raw = fields.get("model")
    return None if raw is None else _read_text(raw)


def enrich(request: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]) -> ChatRequest:
    """Add messages before and after the client's.

    System texts at the very front go before the client's own `instructions`, which the API ranks above the input; all
    others become items of the input, a system message as the `developer`'s.

    Raises:
        BadRequest: the client's `instructions` are not a text.
    """
    texts: list[str] = []
    rest = list(prepend)
    while rest and rest[0][0] in ("system", "developer"):
        texts.append(rest.pop(0)[1])
    fields = dict(request.fields)
    if texts:
        fields["instructions"] = msgspec.Raw(_encode("\n\n".join([*texts, *_instructions(fields)])))
    if rest or append:
        items = [*map(_item, rest), *_items(fields), *map(_item, append)]
        fields["input"] = msgspec.Raw(_encode(items))
    return msgspec.structs.replace(request, fields=fields)


def _instructions(fields: dict[str, msgspec.Raw]) -> list[str]:
    raw = fields.get("instructions")
    try:
        said = None if raw is None else _read_text(raw)
    except UNREADABLE:
        raise BadRequest("Invalid value for 'instructions': expected a string.", param="instructions") from None
    return [said] if said else []


def _items(fields: dict[str, msgspec.Raw]) -> list[msgspec.Raw]:
    raw = fields.get("input")
    said = None if raw is None else _read_input(raw)
    if isinstance(said, str):
        return [_item(("user", said))]
    return said or []


def _item(message: tuple[str, str]) -> msgspec.Raw:
    role, text = message
    return msgspec.Raw(_encode({"type": "message", "role": "developer" if role == "system" else role, "content": text}))
