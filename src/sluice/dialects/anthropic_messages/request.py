"""Messages requests, read and written for a provider of the same dialect.

The client's body is patched, not rebuilt: members keep their order and their bytes. Nothing asks for usage: this API
always tells it.
"""

from collections.abc import Sequence

import msgspec

from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.anthropic_messages import tokens
from sluice.dialects.many import check_values
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE, bound, explain
from sluice.dialects.writing import quote, to_json
from sluice.errors import BadRequest


class _Message(msgspec.Struct):
    role: str


class _Body(msgspec.Struct):
    """The members that Sluice itself reads. Everything else is the provider's business."""

    messages: list[_Message]
    model: str | None = None
    stream: bool | None = None
    system: msgspec.Raw = ABSENT
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None


_read_body = msgspec.json.Decoder(_Body).decode
_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_SYSTEM_ROLES = ("system", "developer")


def read(body: bytes, *, model: str = "", stream: bool | None = None, framing: Framing = "sse") -> ChatRequest:
    """Read the body of `POST /v1/messages`. `model` and `stream` are what the address says (Vertex).

    Raises:
        BadRequest: not JSON, not an object, no messages, a member of the wrong type, or too many values; message and
        `param` name the place.
    """
    check_values(body)
    try:
        known = _read_body(body)
        fields = _read_fields(body)
    except UNREADABLE as error:
        raise explain(error, body) from None
    if known.system is not ABSENT and bytes(known.system)[:1] not in (b'"', b"[", b"n"):
        raise BadRequest("Invalid value for 'system': expected a string or an array.", param="system")
    return ChatRequest(
        model=model or known.model or "",
        stream=bool(known.stream) if stream is None else stream,
        wants_usage=True,  # it stands in every stream: nothing of it may be hidden
        framing=framing,
        temperature=known.temperature,
        top_p=known.top_p,
        max_tokens=bound(known.max_tokens, "max_tokens"),
        fields=fields,
    )


def write(chat: ChatRequest, *, model: str) -> bytes:
    """Write the body for a provider of this dialect. Other providers' proofs, which only Sluice can read, are taken
    out of it; all else stays as it is, but for `model` and `stream`."""
    fields = chat.fields
    replace: dict[str, msgspec.Raw] = {}
    if model and not _says(fields.get("model"), model):
        replace["model"] = msgspec.Raw(quote(model))
    if chat.stream != _says(fields.get("stream"), True):
        replace["stream"] = msgspec.Raw(b"true" if chat.stream else b"false")
    messages = fields.get("messages")
    if messages is not None and tokens.held_by(bytes(messages)):
        replace["messages"] = tokens.taken_out(messages)
    return to_json(fields | replace)


def _says(raw: msgspec.Raw | None, value: str | bool) -> bool:
    return raw is not None and bool(msgspec.json.decode(raw) == value)


def enrich(chat: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]) -> ChatRequest:
    """Return the request with messages before and after its own. A system message stands in `system` here, as a
    block before or after the client's own; the others stand in `messages`."""
    fields = dict(chat.fields)
    if any(role in _SYSTEM_ROLES for role, _ in (*prepend, *append)):
        fields["system"] = msgspec.Raw(
            _array(_systems(prepend), _own_system(fields.get("system", NULL)), _systems(append))
        )
    if any(role not in _SYSTEM_ROLES for role, _ in (*prepend, *append)):
        fields["messages"] = msgspec.Raw(_array(_turns(prepend), _read_list(fields["messages"]), _turns(append)))
    return msgspec.structs.replace(chat, fields=fields)


def _array(*parts: Sequence[msgspec.Raw]) -> bytes:
    return b"[%b]" % b",".join(bytes(item) for part in parts for item in part)


def _systems(messages: Sequence[tuple[str, str]]) -> list[msgspec.Raw]:
    return [_block(quote(text)) for role, text in messages if role in _SYSTEM_ROLES and text]


def _turns(messages: Sequence[tuple[str, str]]) -> list[msgspec.Raw]:
    rows = [{"role": role, "content": text} for role, text in messages if role not in _SYSTEM_ROLES]
    return [msgspec.Raw(to_json(row)) for row in rows]


def _own_system(raw: msgspec.Raw) -> list[msgspec.Raw]:
    text = bytes(raw)
    if text.startswith(b"["):
        return _read_list(raw)
    return [_block(text)] if text.startswith(b'"') and text != b'""' else []


def _block(text: bytes) -> msgspec.Raw:
    return msgspec.Raw(b'{"type":"text","text":%b}' % text)
