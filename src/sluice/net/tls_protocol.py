"""TLS of a client's connection: uvloop's, with what it hides: the connection below, and its sudden end.

A client's FIN without a TLS goodbye makes uvloop close once everything has been written, and tell nobody: of a client
that does not read either, that is never. And what it has encrypted is out of sight of its transport. So the protocol
that uvloop itself puts around ours is made here instead, as uvloop makes it (handles/streamserver.pyx, 0.21 to 0.23),
and shows both.
"""

import asyncio
import ssl
import time
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:

    class SSLProtocol(asyncio.Protocol):
        """uvloop's, which its stubs leave out."""

        def __init__(
            self,
            loop: asyncio.AbstractEventLoop,
            app_protocol: asyncio.Protocol,
            sslcontext: ssl.SSLContext,
            waiter: asyncio.Future[None] | None,
            server_side: bool,
            server_hostname: str | None = None,
            *,
            ssl_handshake_timeout: float | None = None,
            ssl_shutdown_timeout: float | None = None,
        ) -> None: ...
else:
    from uvloop.loop import SSLProtocol


class TlsProtocol(SSLProtocol):
    """One connection's TLS. `open_ones` has it from the accept to the end of the connection."""

    raw: asyncio.Transport
    """The connection below: what waits here has been encrypted and has not reached the kernel."""
    since: float
    """Monotonic second at which it was accepted: the handshake begins."""

    def __init__(
        self,
        connection: asyncio.Protocol,
        context: ssl.SSLContext,
        open_ones: "set[TlsProtocol]",
        *,
        handshake_s: float,
        goodbye_s: float,
    ) -> None:
        """`connection` is made when the handshake is over; it may hear of a FIN before that, and again after a TLS
        goodbye. `handshake_s`: how long the handshake may take; `goodbye_s`: how long a client may take to say goodbye
        after us."""
        super().__init__(
            asyncio.get_running_loop(),
            connection,
            context,
            None,
            True,
            ssl_handshake_timeout=handshake_s,
            ssl_shutdown_timeout=goodbye_s,
        )
        self.connection: asyncio.Protocol | None = connection
        self._open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.raw = cast(asyncio.Transport, transport)  # uvloop's own classes do not inherit from it
        self._open_ones.add(self)
        self.since = time.monotonic()  # the loop's own clock has steps of a millisecond
        super().connection_made(transport)

    def eof_received(self) -> bool | None:
        if self.connection is not None:
            self.connection.eof_received()  # first: now there still is somebody to write to
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.discard(self)
        super().connection_lost(exc)
        self.connection = None  # else a quarter of a megabyte would wait for the garbage collector


def tls_of(transport: asyncio.BaseTransport) -> TlsProtocol | None:
    """What encrypts a transport; None = nothing does."""
    tls = transport.get_extra_info("uvloop.sslproto")
    return tls if isinstance(tls, TlsProtocol) else None
