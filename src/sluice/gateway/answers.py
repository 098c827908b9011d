"""Which relay an answer needs, and which headers the client gets with it."""

from collections.abc import Callable

from sluice.chat.request import ChatRequest
from sluice.dialects.dialect import Dialect
from sluice.errors import SluiceError
from sluice.gateway.account import Account
from sluice.gateway.ports import UpstreamHead
from sluice.policies import headers as header_policy
from sluice.policies.deadlines import Deadlines
from sluice.relay.relay import Limits, Relay
from sluice.relay.sinks import Folded, Mirror, Sink, Translate, as_answer, as_stream
from sluice.relay.stream import StreamRelay
from sluice.relay.whole import WholeRelay
from sluice.wire import http1
from sluice.wire.http1 import Header

_JSON: Header = (b"content-type", b"application/json")
_OURS = (b"content-length", b"x-request-id", b"server-timing")
_EVENT_STREAM: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
"""No intermediary may collect or compress a stream (pains A16)."""


def chat_relay(
    head: UpstreamHead,
    chat: ChatRequest,
    *,
    client: Dialect,
    provider: Dialect,
    write_error: Callable[[SluiceError], bytes],
    started_at: float,
    now: float,
    deadlines: Deadlines,
    limits: Limits,
) -> Relay:
    """Choose by what was asked and what came: each of the four cases ends in what the client asked for."""
    same = client.module_id == provider.module_id
    timing = {"started_at": started_at, "now": now}
    if not _is_event_stream(head, chat):
        rewrite = as_stream(client.encoder(chat)) if chat.stream else None if same else as_answer(client)
        return WholeRelay(dialect=provider, rewrite=rewrite, deadlines=deadlines, limits=limits, **timing)
    sink: Sink
    if not chat.stream:
        sink = Folded(client)
    elif same:
        sink = Mirror(hide_usage=not chat.wants_usage)
    else:
        sink = Translate(client.encoder(chat))
    return StreamRelay(
        decoder=provider.decoder(keep_leftovers=same and not chat.stream),
        sink=sink,
        write_error=write_error,
        deadlines=deadlines,
        limits=limits,
        **timing,
    )


def _is_event_stream(head: UpstreamHead, chat: ChatRequest) -> bool:
    """Whether the body is a stream. Some providers label one as text, none labels it as JSON or HTML."""
    kind = head.header(b"content-type").partition(b";")[0].strip().lower()
    if kind == b"text/event-stream":
        return True
    return chat.stream and kind not in (b"application/json", b"text/html", b"application/problem+json")


def chat_headers(head: UpstreamHead, account: Account, *, stream: bool) -> list[Header]:
    """The head of a provider's answer to a chat request, as the client sees it."""
    kind = _EVENT_STREAM if stream else (_JSON,)
    return [*kind, *header_policy.to_client(head.headers), *own_headers(account)]


def passthrough_headers(head: UpstreamHead, account: Account) -> list[Header]:
    """The same for an operation that crosses unread: the body's description crosses with it."""
    described = [field for field in head.headers if field[0] in (b"content-type", b"content-encoding")]
    return [*described, *header_policy.to_client(head.headers), *own_headers(account)]


def opaque_headers(head: UpstreamHead, account: Account) -> list[Header]:
    """The same for plain HTTP: everything but the framing."""
    crossing = [field for field in http1.end_to_end(head.headers) if field[0] not in _OURS]
    return [*crossing, *own_headers(account)]


def error_headers(account: Account, head: UpstreamHead | None) -> list[Header]:
    """The head of an error that the gateway writes; of a provider's refusal it keeps above all when to come back."""
    return [_JSON, *(header_policy.to_client(head.headers) if head is not None else ()), *own_headers(account)]


def own_headers(account: Account) -> list[Header]:
    """What stands on every answer: the id that the log shows, and the gateway's own share of the time in
    milliseconds."""
    spent_ms = ((account.asked_at or account.taken_at) - account.taken_at) * 1000
    return [(b"x-request-id", account.request_id.encode("latin-1")), (b"server-timing", b"gateway;dur=%.3f" % spent_ms)]
