"""One connection of the fake provider: passes everything on to `net.server`, and notes when the client was heard to
leave, at the moment when the socket says so and whatever still waits to be written.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from sluice.config.plan import Limits
from sluice.errors import SluiceError
from sluice.gateway.ports import Bodies, ClientStream, Request
from sluice.net.server import ServerConnection
from sluice.telemetry.metrics import ListenerCounters
from sluice.testing.fake_sight import Closed, ConnectionSight

Serve = Callable[["Line", Request, ClientStream, SluiceError | None], None]
Leave = Callable[["Line", Request], None]


class Line(asyncio.Protocol):
    """One client's connection, and the handler of its requests. `serve` answers one; `left` hears of one whose client
    left before its turn came or before its body was whole; `made` and `lost` are called at its begin and its end."""

    def __init__(
        self,
        number: int,
        connections: set[ServerConnection],
        *,
        serve: Serve,
        left: Leave,
        made: Callable[["Line"], None],
        lost: Callable[["Line"], None],
    ) -> None:
        self.number = number
        self.counters = ListenerCounters()
        self.bodies = Bodies()
        self._serve = serve
        self._left = left
        self._made = made
        self._lost = lost
        self._connection = ServerConnection(self, Limits(), self.counters, connections)
        self._opened_s = 0.0
        self._requests = 0
        self._read_bytes = 0
        """That requests have been counted for."""
        self._closed: Closed | None = None
        self._closed_s: float | None = None

    @property
    def transport(self) -> asyncio.Transport:
        return self._connection.transport

    @property
    def left_s(self) -> float:
        """When the client was heard to leave; now, if that was not heard."""
        return time.monotonic() if self._closed_s is None else self._closed_s

    @property
    def sight(self) -> ConnectionSight:
        return ConnectionSight(
            connection=self.number,
            peer=self._peer,
            opened_s=self._opened_s,
            requests=self._requests,
            read_bytes=self.counters.received,
            written_bytes=self.counters.sent,
            closed=self._closed,
            closed_s=self._closed_s,
        )

    def taken(self) -> int:
        """Return the bytes that were read since the last call: those of a request."""
        before, self._read_bytes = self._read_bytes, self.counters.received
        return self._read_bytes - before

    # -- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._opened_s = time.monotonic()
        peer = cast(asyncio.Transport, transport).get_extra_info("peername")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unknown"
        self._connection.connection_made(transport)
        self._made(self)

    def data_received(self, data: bytes) -> None:
        self._connection.data_received(data)

    def eof_received(self) -> bool:
        self._close("fake" if self.transport.is_closing() else "fin")
        return self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._close("fake" if exc is None else "rst")
        self._connection.connection_lost(exc)
        self._lost(self)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def _close(self, how: Closed) -> None:
        if self._closed is None:
            self._closed, self._closed_s = how, time.monotonic()

    # -- the handler --------------------------------------------------------------------------------------------------

    def admits(self, body_bytes: int | None) -> bool:
        return True

    def handle(self, request: Request, client: ClientStream) -> None:
        self._requests += 1
        self._serve(self, request, client, None)

    def refuse(self, error: SluiceError, request: Request, client: ClientStream) -> None:
        self._requests += 1
        self._serve(self, request, client, error)

    def abandon(self, request: Request, client: ClientStream) -> None:
        self._requests += 1
        self._left(self, request)
