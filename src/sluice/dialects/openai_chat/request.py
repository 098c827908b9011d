"""OpenAI chat requests: what routing needs, and the way to a provider of the same dialect.

A request that goes to a provider of the same dialect is patched, not rebuilt: members keep their order and their bytes.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sluice.chat.request import ChatRequest, Framing
from sluice.chat.seal import MARK
from sluice.dialects.many import check_values
from sluice.dialects.openai_chat.reasoning import bare_id
from sluice.dialects.reading import NULL, UNREADABLE, bound, choices, explain
from sluice.dialects.writing import to_json


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
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode

_TRUE, _FALSE = msgspec.Raw(b"true"), msgspec.Raw(b"false")
_ASK_USAGE = msgspec.Raw(b'{"include_usage":true}')
_MARK = MARK.encode()


def read(body: bytes, *, model: str = "", stream: bool | None = None, framing: Framing = "sse") -> ChatRequest:
    """Read the body of `POST /v1/chat/completions`. `model` and `stream` are what the address says, if it does.

    Raises:
        BadRequest: not JSON, not an object, no messages, a member of the wrong type, or too many values; message and
        `param` name the place.
    """
    check_values(body)
    try:
        known = _read_body(body)
        fields = _read_fields(body)
        if known.stream_options is not None:
            _read_fields(fields["stream_options"])  # `write` will: what is wrong in it has to be said now
        if _MARK in bytes(fields["messages"]):
            without_tokens(fields["messages"])  # likewise
    except UNREADABLE as error:
        raise explain(error, body) from None
    newer, older = bound(known.max_completion_tokens, "max_completion_tokens"), bound(known.max_tokens, "max_tokens")
    return ChatRequest(
        model=model or known.model or "",
        stream=(known.stream or False) if stream is None else stream,
        wants_usage=bool(known.stream_options and known.stream_options.include_usage),
        framing=framing,
        choices=choices(known.n, "n"),
        temperature=known.temperature,
        top_p=known.top_p,
        max_tokens=older if newer is None else newer,
        frequency_penalty=known.frequency_penalty,
        presence_penalty=known.presence_penalty,
        seed=known.seed,
        fields=fields,
    )


def write(chat: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
    """Write the body for a provider. The client's own members stay as they are, but for the model, the wish to stream,
    the wish for usage, and what Sluice itself put into the ids of tool calls."""
    fields = chat.fields
    replace: dict[str, msgspec.Raw] = {}
    if model and (model != chat.model or "model" not in fields):
        replace["model"] = msgspec.Raw(_encode(model))
    if chat.stream is not (fields.get("stream", NULL) == _TRUE):
        replace["stream"] = _TRUE if chat.stream else _FALSE
        if not chat.stream:
            fields = {name: value for name, value in fields.items() if name != "stream_options"}
    if ask_usage and chat.stream and not chat.wants_usage:
        replace["stream_options"] = _with_usage(fields.get("stream_options"))
    if "messages" in fields and _MARK in bytes(fields["messages"]):
        replace["messages"] = without_tokens(fields["messages"])
    return _encode(fields | replace)


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    if options is None or options == NULL:
        return _ASK_USAGE
    return msgspec.Raw(_encode(_read_fields(options) | {"include_usage": _TRUE}))


# -- what a provider of this dialect must not see ----------------------------------------------------------------------


def without_tokens(messages: msgspec.Raw) -> msgspec.Raw:
    """Return the messages with the providers' own ids of tool calls. Reasoning that travelled in them is another
    provider's: this dialect has none. All other bytes stay.

    Raises:
        DecodeError, UnicodeDecodeError, RecursionError: it is not a list of objects.
    """
    rows = [_bare_message(row) if _MARK in bytes(row) else row for row in _read_list(messages)]
    return msgspec.Raw(_encode(rows))


def _bare_message(message: msgspec.Raw) -> msgspec.Raw:
    fields = _read_fields(message)
    if "tool_call_id" in fields:
        fields["tool_call_id"] = _bare(fields["tool_call_id"])
    calls = fields.get("tool_calls", NULL)
    if bytes(calls)[:1] == b"[":
        fields["tool_calls"] = msgspec.Raw(_encode([_bare_call(call) for call in _read_list(calls)]))
    return msgspec.Raw(_encode(fields))


def _bare_call(call: msgspec.Raw) -> msgspec.Raw:
    if _MARK not in bytes(call) or bytes(call)[:1] != b"{":
        return call
    fields: Mapping[str, msgspec.Raw] = _read_fields(call)
    return msgspec.Raw(_encode({**fields, "id": _bare(fields["id"])})) if "id" in fields else call


def _bare(raw: msgspec.Raw) -> msgspec.Raw:
    if bytes(raw)[:1] != b'"':
        return raw
    text = _read_text(raw)
    bare = bare_id(text)
    return raw if bare == text else msgspec.Raw(_encode(bare))


# -- messages that a policy adds ---------------------------------------------------------------------------------------


def enrich(chat: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]) -> ChatRequest:
    """Return the request with messages, given as (role, text), before and after the client's own."""
    if not prepend and not append:
        return chat
    own = _read_list(chat.fields["messages"]) if "messages" in chat.fields else []
    rows = [*map(_message, prepend), *own, *map(_message, append)]
    return msgspec.structs.replace(chat, fields=chat.fields | {"messages": msgspec.Raw(_encode(rows))})


def _message(said: tuple[str, str]) -> msgspec.Raw:
    role, text = said
    return msgspec.Raw(to_json({"role": role, "content": text}))
