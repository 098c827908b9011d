"""The outside, as the gateway sees it: a client's connection, a provider's connection, a clock. Implemented by
`net`, doubled by tests."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from sluice.config.plan import Endpoint
from sluice.errors import SluiceError, UpstreamError
from sluice.policies.principal import Principal
from sluice.providers.credential import CloudAuth, Secret
from sluice.wire.http1 import Header

Clock = Callable[[], float]
"""Monotonic seconds."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request, whole. Header names are lower case; order and repetitions are kept."""

    method: str
    path: str
    """Without the query; percent-encoded in its one spelling (`wire.target`)."""
    query: str
    headers: tuple[Header, ...]
    body: bytes
    http_version: str
    peer: str
    """`address:port` of the client."""
    port: int
    """The port the client connected to."""
    received_at: float
    """Monotonic second of the request's first byte."""
    credential: Secret | None = None
    """The client's own, if a policy of identity has verified it and taken it off: for targets that it is passed on
    to."""
    added: tuple[Header, ...] = ()
    """Headers among the others that policies say on their own authority: whoever answers gets them."""
    vouched: Principal | None = None
    """Who asks, on the word of this process, which put the request itself: no policy of identity looks at it. None = it
    came over the network."""
    labels: tuple[tuple[str, str], ...] = ()
    """What this process says of it besides, for the record: field of the log, value."""

    trail: tuple[Header, ...] = ()
    """Headers about the client's trace that whoever answers gets as they are; none where nobody traces."""

    def header(self, name: bytes) -> str | None:
        """The first value of a header, as text."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


class ClientObserver(Protocol):
    """Who wants to know what the client does while its answer is under way. Plain calls, never from inside a
    `ClientStream` call."""

    def client_gone(self) -> None:
        """The client closed its connection before its answer was finished. Called at most once."""
        ...

    def client_paused(self) -> None:
        """More is buffered for the client than its high-water mark."""
        ...

    def client_resumed(self) -> None:
        """The buffer has drained."""
        ...


class ClientStream(Protocol):
    """The answer to one request. `start` once, then any number of `write`, then `finish` or `abort`; after a `finish`
    that returned False, `abort` may still follow."""

    observer: ClientObserver | None

    def start(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        """Give the head; it leaves together with the first bytes of the body. `length` None = chunked."""
        ...

    def write(self, data: bytes) -> None:
        """Give bytes of the body."""
        ...

    def finish(self, data: bytes = b"") -> bool:
        """Give the last bytes of the body; the next request of this connection may then be answered.

        Return whether the answer is delivered, as far as can be told: False if more waits for this client than its
        high-water mark. Then the observer stays, and `client_resumed` says that all of it has left, or `client_gone`
        that it never will.
        """
        ...

    def unread(self) -> int:
        """Return how many bytes the client has not taken yet, in our buffers and the kernel's. Costs a system call."""
        ...

    def abort(self) -> None:
        """Cut the connection, so that the client cannot take what it has for a whole answer."""
        ...


class UpstreamHead(msgspec.Struct, frozen=True):
    """The head of a provider's answer. Header names are lower case."""

    status: int
    headers: tuple[Header, ...]
    length: int | None
    """Length of the body, if its framing says so."""

    def header(self, name: bytes) -> bytes:
        """The first value of a header, or empty."""
        for key, value in self.headers:
            if key == name:
                return value
        return b""


class BodyReceiver(Protocol):
    """Who takes a provider's body. Plain calls."""

    def body(self, data: bytes) -> None: ...

    def eof(self) -> None:
        """The body is complete. Called at most once, and not after `broke`."""
        ...

    def broke(self, error: UpstreamError) -> None:
        """The body will not be complete."""
        ...


class UpstreamStream(Protocol):
    """The answer of one provider, its head already here. Call `attach` once, and `close` exactly once."""

    head: UpstreamHead
    connect_s: float | None
    """How long the connect took; None when a pooled connection served."""

    def attach(self, receiver: BodyReceiver) -> None:
        """Hand the body over as it comes. Bytes that are here already are handed over before this returns."""
        ...

    @property
    def in_line(self) -> bool:
        """Bytes have come that are handed over in one of the next turns of the event loop: nobody fell silent."""
        ...

    def pause(self) -> None:
        """Stop reading."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def close(self, *, complete: bool) -> None:
        """Say that nothing more is wanted. The connection is kept if it can be used again; otherwise it is cut at once.

        `complete`: the answer was complete by its dialect's evidence, so the framing's end is worth a short wait.
        """
        ...


class Upstream(Protocol):
    """The way to providers."""

    async def open(
        self,
        endpoint: Endpoint,
        request: bytes,
        *,
        expects_body: bool,
        connect_s: float,
        headers_s: float,
        sent: Callable[[bool], object] | None = None,
    ) -> UpstreamStream:
        """Send a whole request and return once the head of the answer is here. Seconds; 0 = no limit. `sent` is told
        True when there is a connection and the request has left, and False if nobody can have heard it after all.

        Cancelling closes the connection at once. A stale pooled connection is replaced only while nothing was sent.

        Raises:
            Unreachable: no connection could be made; nothing was sent.
            TimedOut: `connect` or `headers`.
            ProtocolError: the answer is not HTTP that we accept.
            Truncated: the connection was closed before the head was complete.
        """
        ...


class Signer(Protocol):
    """Who signs requests for clouds."""

    async def sign(
        self,
        auth: CloudAuth,
        *,
        method: str,
        url_host: str,
        path_and_query: str,
        headers: Sequence[Header],
        body: bytes,
    ) -> list[Header]:
        """Return the headers that make the cloud take this request for ours. `headers` are those that the signature
        may cover.

        Raises:
            Unreachable: no access token could be had.
        """
        ...


class Bodies:
    """How much of requests' bodies is in memory and was not handed over yet, on all connections of a handler."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = 0
        """Bytes."""


class Handler(Protocol):
    """Who answers requests."""

    bodies: Bodies

    def admits(self, body_bytes: int | None) -> bool:
        """Whether a request whose head is here may send its body; None = of unknown length. If not, it is refused as
        `Overloaded`."""
        ...

    def handle(self, request: Request, client: ClientStream) -> None:
        """Answer, now or later."""
        ...

    def refuse(self, error: SluiceError, request: Request, client: ClientStream) -> None:
        """Answer a request that is not fit to be handled: too large, malformed, too slow. `request` holds what is
        known of it."""
        ...

    def abandon(self, request: Request, client: ClientStream) -> None:
        """Take note of a request whose client has left before its turn came, or before its body was whole. `client`
        is closed: nothing may be written to it."""
        ...
