"""TLS of a provider's connection: uvloop's, with an end that waits for what came before it.

When a provider closes the connection below, uvloop ends at once and throws away what it has not decrypted yet; that is
nearly always something of a provider that says much, or whose client does not read. An answer lost its last bytes, and
one that ends with its connection looked whole. So the end is kept back until everything that came has been read.
"""

import asyncio
import ssl
from typing import Protocol, cast

from sluice.net.tls_protocol import SSLProtocol


class Reading(Protocol):
    """The connection above, with its transport once the handshake is over."""

    transport: asyncio.Transport


class TlsTransport(Protocol):
    """What a transport with TLS has besides, uvloop's and asyncio's own."""

    def set_read_buffer_limits(self, high: int) -> None: ...


class ProviderTls(SSLProtocol):
    """One connection's TLS. Make the connection below with it, and await `ready`.

    Whoever resumes the transport above owes a `look` in the same turn of the event loop.
    """

    def __init__(self, connection: asyncio.Protocol, context: ssl.SSLContext, name: str | None) -> None:
        """`name`: whom the certificate has to name."""
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        """The handshake is over. Raises what it failed with."""
        super().__init__(loop, connection, context, self.ready, False, name)
        self._connection: asyncio.Protocol | None = connection
        self._soon = loop.call_soon
        self._raw: asyncio.Transport | None = None
        self.ended = False
        """The provider has closed the connection below."""
        self._told = False
        """The one above has heard of that."""
        self._looks = 0
        """Under way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = cast(asyncio.Transport, transport)  # uvloop's own classes do not inherit from it
        super().connection_made(transport)

    def eof_received(self) -> bool | None:
        if not self.ready.done() or self.ready.cancelled() or self.ready.exception() is not None:
            return super().eof_received()  # nobody is above yet
        self.ended = True
        self.look()
        return True

    def look(self) -> None:
        """Whoever has just resumed the transport above asks: tell the end, if it has read all by then."""
        if self.ended and not self._told:
            self._looks += 1
            self._soon(self._end)  # behind uvloop's own reading, which waits for its turn too

    def _end(self) -> None:
        self._looks -= 1
        if self._looks or self._connection is None:
            return  # resumed since then: what is read next comes first
        if cast(Reading, self._connection).transport.is_reading():
            self._told = True
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._connection = None

    def cut(self) -> None:
        """Close at once, also in the midst of the handshake: whoever awaited it wants it no longer."""
        if self.ready.done() and not self.ready.cancelled():
            self.ready.exception()
        if self._raw is not None:
            self._raw.abort()


def provider_tls_of(transport: asyncio.BaseTransport) -> ProviderTls | None:
    """What encrypts a transport; None = nothing does."""
    tls = transport.get_extra_info("uvloop.sslproto")
    return tls if isinstance(tls, ProviderTls) else None
