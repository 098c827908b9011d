"""Which relay an answer needs, and which headers the client gets with it."""

from collections.abc import Sequence
from urllib.parse import unquote

import msgspec

from sluice.chat.events import Failed, Started
from sluice.chat.request import ChatRequest
from sluice.config.plan import Entry, Rule
from sluice.dialects.dialect import Dialect
from sluice.errors import GuardRejected, ModelNotFound, SluiceError
from sluice.gateway.account import Account
from sluice.gateway.operation import Operation
from sluice.gateway.ports import Request, UpstreamHead
from sluice.gateway.rejection import reply_of
from sluice.operations.forms import ERRORS
from sluice.policies import headers as header_policy
from sluice.policies.ai import RouteType
from sluice.relay.guarded_stream import GuardedStream
from sluice.relay.guarded_whole import GuardedWhole
from sluice.relay.relay import Relay
from sluice.relay.sinks import Folded, Mirror, Sink, Translate, as_answer, as_stream
from sluice.relay.stream import StreamRelay
from sluice.relay.terms import Terms
from sluice.relay.transcript import Noted
from sluice.relay.whole import WholeRelay
from sluice.standard import DEFAULT_DIALECT, LIST_DIALECTS
from sluice.wire import event_stream, http1
from sluice.wire.frames import FrameDecoder
from sluice.wire.http1 import Header
from sluice.wire.json_array import JsonArrayDecoder
from sluice.wire.sse import SseDecoder

_JSON: Header = (b"content-type", b"application/json")
_TEXT: Header = (b"content-type", b"text/plain")  # as the labs' pages have it
_UNICODE: Header = (b"content-type", b"text/plain; charset=utf-8")
_OURS = (b"content-length", b"x-request-id", b"server-timing")
_EVENT_STREAM: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
"""No intermediary may collect or compress a stream (pains A16)."""
_JSON_STREAM: tuple[Header, ...] = ((b"content-type", b"application/json; charset=UTF-8"), *_EVENT_STREAM[1:])


def chat_relay(
    head: UpstreamHead, chat: ChatRequest, *, client: Dialect, provider: Dialect, opening: Started, terms: Terms
) -> Relay:
    """Choose by what was asked and what came: each of the four cases ends in what the client asked for. `opening` is
    what a translated answer is called as far as its provider does not say. What is guarded is always written anew."""
    same, guards = client is provider, terms.guards
    wire = _wire(head, chat, same, terms.streaming.max_event_bytes)
    if wire is None:
        rewrite = as_stream(client.encoder(chat), opening) if chat.stream else as_answer(client, chat, opening)
        if guards is not None:
            return GuardedWhole(
                guards,
                dialect=provider,
                rewrite=rewrite,
                shape=client.facts.shape,
                streams=chat.stream,
                keep_leftovers=same,
                terms=terms,
            )
        return WholeRelay(
            dialect=provider,
            rewrite=rewrite if chat.stream or not same else None,
            streams=chat.stream,
            keep_leftovers=same and chat.stream,
            terms=terms,
        )
    # A client who asked for an array can be shown the provider's own frames only if they came in one.
    framed = isinstance(wire, JsonArrayDecoder) is (chat.framing == "json_array")
    mirrors = same and chat.stream and framed and guards is None
    decoder = provider.decoder(keep_leftovers=same and not mirrors)
    sink: Sink
    if not chat.stream:
        sink = Folded(client, chat, opening)
    elif mirrors:
        sink = Mirror(decoder, hide_usage=not chat.wants_usage)
    else:
        sink = Translate(client.encoder(chat), opening)
    if terms.transcript is not None:
        sink = Noted(sink, terms.transcript)
    if guards is not None:
        shape = client.facts.shape
        return GuardedStream(guards, wire=wire, decoder=decoder, sink=sink, shape=shape, terms=terms)
    return StreamRelay(wire=wire, decoder=decoder, sink=sink, terms=terms)


def _wire(head: UpstreamHead, chat: ChatRequest, same: bool, max_event_bytes: int) -> FrameDecoder | None:
    """How the body is framed; None = it is no stream. Some providers label a stream as text, none as HTML; only a
    client who asked for an array, in the provider's own dialect, is answered with one."""
    kind = head.header(b"content-type").partition(b";")[0].strip().lower()
    if kind == b"text/event-stream":
        return SseDecoder(max_event_bytes)
    if kind == event_stream.CONTENT_TYPE:
        return event_stream.EventStreamDecoder(max_event_bytes)
    if kind == b"application/json" and chat.stream and same and chat.framing == "json_array":
        return JsonArrayDecoder(max_event_bytes)
    if chat.stream and kind not in (b"application/json", b"text/html", b"application/problem+json"):
        return SseDecoder(max_event_bytes)
    return None


def chat_headers(head: UpstreamHead | None, account: Account, chat: ChatRequest) -> list[Header]:
    """The head of a provider's answer to a chat request, as the client sees it; of one that has not come yet, to a
    client who has waited long enough to be told that somebody is there."""
    kind = (_JSON,) if not chat.stream else _JSON_STREAM if chat.framing == "json_array" else _EVENT_STREAM
    if head is None:
        return [*kind, *_named_headers(account)]
    return [*kind, *header_policy.to_client(head.headers), *own_headers(account)]


def asks_for_models(entry: Entry, request: Request, wanted: Operation) -> bool:
    """Whether the models of the plan are asked for: all of them, or one by its name."""
    by_name = entry.answer == "by_model" and request.method == "GET" and wanted.suffix.startswith("/models/")
    return by_name or entry.answer == "model_list"


def models(dialect: Dialect, public: Sequence[tuple[str, str]], suffix: str) -> bytes:
    """Write the list of models, or the one that `suffix` names.

    Raises:
        ModelNotFound: there is none of this name.
    """
    name = unquote(suffix.removeprefix("/models").removeprefix("/"))
    if not name:
        return dialect.write_models(public)
    found = [row for row in public if row[0] == name]
    if not found:
        raise ModelNotFound("Model not found", param="model")
    members = msgspec.json.decode(dialect.write_models(found), type=dict[str, msgspec.Raw])
    rows = next(raw for raw in members.values() if bytes(raw).startswith(b"["))
    return bytes(msgspec.json.decode(rows, type=list[msgspec.Raw])[0])


def list_dialect(request: Request) -> str:
    """Which API's list of models is asked for: told by the address, or by a header that only one API's clients
    send."""
    for marker, dialect in LIST_DIALECTS.items():
        if marker in request.path or (marker[0] != "/" and request.header(marker.encode()) is not None):
            return dialect
    return DEFAULT_DIALECT


def passthrough_headers(head: UpstreamHead, account: Account) -> list[Header]:
    """The same for an operation that crosses unread: the body's description crosses with it."""
    described = [field for field in head.headers if field[0] in (b"content-type", b"content-encoding")]
    return [*described, *header_policy.to_client(head.headers), *own_headers(account)]


def translated_headers(head: UpstreamHead, account: Account) -> list[Header]:
    """The same for an operation whose body was translated, but for the body's description; of several answers that
    became one the first has the word."""
    crossing = dict(reversed(header_policy.to_client(head.headers)))
    return [*crossing.items(), *own_headers(account)]


def error_reply(
    error: SluiceError, dialect: Dialect, operation: RouteType, account: Account, rule: Rule
) -> tuple[int, list[Header], bytes]:
    """An error that the gateway writes, as the clients of an operation understand it or as the operator wishes."""
    crossing: list[Header] = []
    if error.retry_after_s is not None:
        crossing.append((b"retry-after", b"%d" % error.retry_after_s))
    if isinstance(error, GuardRejected):
        status, headers, body = reply_of(error, dialect, text=rule.error_format == "text")
        return status, [*headers, *crossing, *own_headers(account, error)], body
    crossing += [*error.headers, *own_headers(account, error)]
    status = dialect.error_status(error)
    if rule.error_format == "text":
        text = str(error)
        return status, [_TEXT if text.isascii() else _UNICODE, *crossing], text.encode("utf-8", "replace")
    return status, [_JSON, *crossing], ERRORS.get(operation, dialect.write_error)(error)


def error_event(error: SluiceError, dialect: Dialect, account: Account, chat: ChatRequest, now: float) -> bytes:
    """The same for a stream that is open and has said nothing yet: begun legally, and failed. `now`: seconds since
    1970."""
    sentence = error.args
    told = error.body if isinstance(error, GuardRejected) and error.body is not None else str(error)
    asked = account.attempts(error)
    error.args = (f"{told} (asked: {asked})" if asked else told,)
    opening = Started(account.request_id, chat.model, int(now))
    event = as_stream(dialect.encoder(chat), opening)([Failed(error)])
    error.args = sentence
    return event


def opaque_headers(head: UpstreamHead, account: Account) -> list[Header]:
    """The same for plain HTTP: everything but the framing."""
    crossing = [field for field in http1.end_to_end(head.headers) if field[0] not in _OURS]
    return [*crossing, *own_headers(account)]


def json_headers(account: Account) -> list[Header]:
    """The head of JSON that the gateway answers with by itself."""
    return [_JSON, *own_headers(account)]


def own_headers(account: Account, error: SluiceError | None = None) -> list[Header]:
    """What stands on every answer that has come; and who was asked, if that was more than one and all is known of
    it."""
    own = _named_headers(account)
    if account.failed and (account.status or error is not None) and (asked := account.attempts(error)):
        own.append((b"x-sluice-attempts", asked.encode("latin-1", "replace")))
    return own


def _named_headers(account: Account) -> list[Header]:
    """The id that the log shows, and the gateway's own share of the time in milliseconds."""
    spent_ms = ((account.asked_at or account.taken_at) - account.taken_at) * 1000
    return [(b"x-request-id", account.request_id.encode("latin-1")), (b"server-timing", b"gateway;dur=%.3f" % spent_ms)]
