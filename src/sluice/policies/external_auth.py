"""External authorization: a service that is asked over HTTP whether a request may pass.

What is asked, what an answer means, and how long it holds; `gateway/access_external.py` asks.
Guarantee: 2xx lets a request pass, and nothing else does; an answer of 5xx is no decision but a failure of the service.
Obeys: Envoy, External Authorization, HTTP service (read 2026-11-21); agentgateway, `extAuth.http`; compat 1.7.
"""

import datetime
from collections.abc import Iterable, Sequence

import msgspec

from sluice.errors import Denied
from sluice.policies.server import Server

Header = tuple[bytes, bytes]

DEFAULT_BODY_BYTES = 8192
MAX_DENIAL_BYTES = 64 << 10
"""Of the body of an answer that says no."""
_NOT_PASSED_ON = frozenset(
    [
        *(b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length"),
        *(b"proxy-authenticate", b"proxy-connection", b"content-encoding", b"date", b"server", b"server-timing"),
        b"x-request-id",
    ]
)
"""Of the answer that says no: what belongs to its connection, and what the gateway says itself."""


class Cache(msgspec.Struct, frozen=True, kw_only=True):
    """How long a decision holds, and for whom."""

    key: tuple[str, ...]
    """CEL; whatever the service looks at has to be in it. If one fails, the service is asked."""
    ttl_s: float = 0.0
    ttl: str = ""
    """CEL, if it is no fixed number: a duration, or the time (or Unix second) until which it holds."""
    max_entries: int = 10_000


class ExternalAuth(msgspec.Struct, frozen=True, kw_only=True):
    """`extAuth`. Texts are CEL where it says so; names of headers are in lower case."""

    server: Server | None
    """None = it cannot be found: every request meets a failure."""
    condition: str = ""
    """CEL: who is asked about; empty = everybody. Of several the first that holds is the one."""
    timeout_s: float = 2.0
    path: str = ""
    """CEL; empty = that of the request."""
    body: str = ""
    """CEL: a text or bytes as they are, anything else as JSON. Empty = see `body_bytes`."""
    body_bytes: int = 0
    """How much of the request's body is sent along; 0 = none."""
    partial_body: bool = False
    """Whether a longer body is cut; else it is refused with 413."""
    redirect: str = ""
    """CEL: where a client is sent that is refused with 401 or 403."""
    request_headers: tuple[str, ...] = ("authorization",)
    """Of the request, that the service gets."""
    add_headers: tuple[tuple[str, str], ...] = ()
    """Name and CEL; one that fails is left out."""
    to_provider: tuple[str, ...] = ()
    """Headers of a yes that whoever answers gets."""
    to_client: tuple[str, ...] = ()
    """Headers of a yes that the client gets."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Name and CEL over the answer: the variable `extauthz` from then on."""
    fails_open: bool = False
    failure_status: int = 503
    cache: Cache | None = None


class Permitted(msgspec.Struct, frozen=True):
    """The service said yes."""

    to_provider: tuple[Header, ...] = ()
    to_client: tuple[Header, ...] = ()
    metadata: dict[str, object] = {}


def permitted(policy: ExternalAuth, headers: Sequence[Header], metadata: dict[str, object]) -> Permitted:
    """Return what a yes brings along."""
    return Permitted(_named(policy.to_provider, headers), _named(policy.to_client, headers), metadata)


def denied(status: int, headers: Iterable[Header], body: bytes) -> Denied:
    """Return the error that passes a no on."""
    kept = tuple(field for field in headers if field[0] not in _NOT_PASSED_ON)
    text = body.decode("utf-8", "replace")
    return Denied("denied by the external authorization", status=status, body=text, headers=kept)


def redirected(location: str) -> Denied:
    """Return the error that sends a client elsewhere.

    Raises:
        ValueError: it is no address.
    """
    if not location.isascii() or not location.isprintable() or not location:
        raise ValueError("not an address")
    headers = ((b"location", location.encode("ascii")),)
    return Denied("denied by the external authorization", status=302, body="", headers=headers)


def until(ttl: object, now: float, wall: float) -> float | None:
    """Return the monotonic second until which a decision holds whose `ttl` came to this; None if that is no time."""
    if isinstance(ttl, datetime.timedelta):
        return now + ttl.total_seconds()
    if isinstance(ttl, datetime.datetime):
        return now + ttl.timestamp() - wall
    if isinstance(ttl, int | float) and not isinstance(ttl, bool):
        return now + ttl - wall
    return None


def _named(names: Iterable[str], headers: Sequence[Header]) -> tuple[Header, ...]:
    wanted = {name.encode("latin-1") for name in names}
    return tuple(field for field in headers if field[0] in wanted)
