"""The client's side: a connection, its requests and their turns.

One ServerConnection per socket. Requests of a connection are answered in order, one at a time; what a client
pipelines waits. The socket is read all the while, because only reading tells that the client has gone.
Bytes become requests in `net.requests`, answers become bytes in `net.answer`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

from sluice.config.plan import Limits
from sluice.gateway.ports import Handler
from sluice.net.answer import ServerStream
from sluice.net.requests import Incoming, RequestReader
from sluice.telemetry.metrics import ListenerCounters
from sluice.wire.http1 import CONTINUE

MAX_PIPELINED = 32
"""Requests that may wait behind the one being answered; beyond it the socket is not read until one is done."""
WRITE_HIGH_BYTES = 64 << 10
"""Bytes buffered for a client beyond which its provider is not read any further."""
LINGER_S = 2.0
"""How long a refused client may go on sending before it is cut: closing at once would destroy the answer on its
way (RFC 9112, 9.6)."""

_NEVER = float("inf")


class ServerConnection(asyncio.Protocol):
    """One client connection. The listener's sweep calls `expire` once `deadline` has passed."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        counters: ListenerCounters,
        connections: set["ServerConnection"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handler = handler
        self._limits = limits
        self._counters = counters
        self._connections = connections
        self._clock = clock
        self._waiting: deque[Incoming] = deque()
        self._current: ServerStream | None = None
        self._refused = False
        """The answer under way refuses what the client may still be sending."""
        self._closes_at = _NEVER
        """When the connection is closed if nothing happens: at rest, or lingering."""
        self.draining = False
        """The answer under way is the last one of this connection."""

    @property
    def deadline(self) -> float:
        """Monotonic second; infinity = nothing is waited for."""
        return min(self._reader.deadline, self._closes_at)

    # -- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport = cast(asyncio.Transport, transport)  # uvloop's own classes do not inherit from it
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        peer = transport.get_extra_info("peername")
        own = transport.get_extra_info("sockname")
        name = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unknown"
        self._reader = RequestReader(self._limits, self._clock, name, own[1] if isinstance(own, tuple) else 0)
        self._connections.add(self)
        self._closes_at = self._clock() + self._limits.head_timeout_s

    def data_received(self, data: bytes) -> None:
        self._counters.received += len(data)
        reader = self._reader
        incoming = reader.feed(data)
        if incoming:
            self._take(incoming)
        if reader.reading:
            self._closes_at = _NEVER  # its own deadline counts from here on
            if reader.expects_continue and self._current is None and not self._waiting:
                reader.expects_continue = False
                self.transport.write(CONTINUE)
        if len(self._waiting) > MAX_PIPELINED:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._abandon()
        current, self._current = self._current, None
        if current is not None and current.observer is not None:
            current.observer.client_gone()

    def pause_writing(self) -> None:
        if self._current is not None and self._current.observer is not None:
            self._current.observer.client_paused()

    def resume_writing(self) -> None:
        if self._current is not None and self._current.observer is not None:
            self._current.observer.client_resumed()

    # -- turns --------------------------------------------------------------------------------------------------------

    def _take(self, incoming: list[Incoming]) -> None:
        self._waiting.extend(incoming)
        if self._current is None:
            self._next()

    def _next(self) -> None:
        request, error = (turn := self._waiting.popleft()).request, turn.error
        self._closes_at = _NEVER
        stream = ServerStream(self, request, keep_alive=turn.keep_alive)
        self._current = stream
        if error is None:
            self._handler.handle(request, stream)
        else:
            self._refused = True
            self._handler.refuse(error, request, stream)

    def _abandon(self) -> None:
        """Tell of the requests that nobody will answer: each head that was parsed has a record (stream-life 10.10)."""
        requests = [turn.request for turn in self._waiting]
        self._waiting.clear()
        unfinished = self._reader.abandoned()
        for request in [*requests, unfinished] if unfinished is not None else requests:
            self._handler.abandon(request, ServerStream(self, request, keep_alive=False))

    # -- for the answer and the listener ------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Write bytes of the current answer."""
        self._counters.sent += len(data)
        self.transport.write(data)

    def answered(self, *, keep_alive: bool) -> None:
        """The current answer is finished: take the next request, or close."""
        self._current = None
        if not keep_alive or self.draining:  # the drain may have begun after this answer's head was written
            self._abandon()
            self._reader.closed = True
            self._linger() if self._refused else self.transport.close()
        elif self._waiting:
            if len(self._waiting) <= MAX_PIPELINED:
                self.transport.resume_reading()
            self._next()
        elif not self._reader.reading:
            self._closes_at = self._clock() + self._limits.idle_timeout_s

    def cut(self) -> None:
        """Close at once; what is buffered is lost. Nobody is told: the caller knows."""
        self._current = None
        self.transport.abort()

    def expire(self) -> None:
        """The deadline has passed: an idle connection is closed, a slow request refused, a lingering client cut."""
        if self._reader.deadline <= self._clock():
            self._take(self._reader.time_out())
        elif self._refused:
            self.transport.abort()
        else:
            self._closes_at = _NEVER
            self.transport.close()

    def drain(self) -> None:
        """Close when idle, now or as soon as the answers under way are finished."""
        self.draining = True
        if self._current is None:
            self.transport.close()

    def _linger(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._closes_at = self._clock() + LINGER_S
