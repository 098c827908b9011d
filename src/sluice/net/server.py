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

import msgspec

from sluice.config.plan import Limits
from sluice.errors import Unavailable
from sluice.gateway.ports import Handler
from sluice.net.answer import ServerStream, close_by_reset
from sluice.net.backlog import arrived
from sluice.net.parting import Parting
from sluice.net.requests import Incoming, RequestReader
from sluice.net.tls_protocol import tls_of
from sluice.net.tls_writer import TlsWriter
from sluice.net.turns import Patient
from sluice.telemetry.metrics import ListenerCounters
from sluice.wire.http1 import CONTINUE

MAX_PIPELINED = 32
"""Requests that may wait behind the one being answered; the next one is refused in its turn, and is the last."""
WRITE_HIGH_BYTES = 64 << 10
"""Bytes buffered for a client beyond which its provider is not read any further."""

_NEVER = float("inf")


class ServerConnection(Patient):
    """One client connection. The listener's sweep calls `expire` once `deadline` has passed."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        counters: ListenerCounters,
        connections: set["ServerConnection"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
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
        """When the connection is closed if nothing happens: at rest, lingering, or with bytes that do not leave."""
        self._above = False
        """More is buffered for the client than its high-water mark."""
        self._draining = False
        """Each answer says that it is the last, unless another one waits behind it."""
        self._closing = False
        """Nothing more is taken: the connection ends with what was taken before."""
        self._parted = False
        """The client has said that it sends nothing more."""
        self.until_close = False

    @property
    def deadline(self) -> float:
        """Monotonic second; infinity = nothing is waited for."""
        return min(self._reader.deadline, self._closes_at)

    @property
    def draining(self) -> bool:
        """The answer under way is the last one of this connection."""
        return self._draining and not self._waiting

    # -- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = tls_of(transport)
        self._tls = TlsWriter(transport, tls.raw) if tls is not None else None
        if tls is not None:
            self._counters.shook_hands(time.monotonic() - tls.since)
        # uvloop's own classes do not inherit from asyncio's.
        self.transport: asyncio.Transport = self._tls or cast(asyncio.Transport, transport)
        if self._tls is None:
            self.transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        self._parting = Parting(self.transport, self._clock)
        peer = transport.get_extra_info("peername")
        own = transport.get_extra_info("sockname")
        name = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unknown"
        port = own[1] if isinstance(own, tuple) else 0
        self._reader = RequestReader(self._handler, self._limits, self._clock, name, port)
        self._connections.add(self)
        self._closes_at = self._clock() + self._limits.head_timeout_s

    def _read(self, data: bytes) -> None:
        self._counters.received += len(data)
        reader, current = self._reader, self._current
        if (current is not None and not current.keep_alive) or self.transport.is_closing():
            return  # said, or known, to be the last answer of this connection
        incoming = reader.feed(data, MAX_PIPELINED + (current is None) - len(self._waiting))
        if incoming:
            self._take(incoming)
        if reader.reading:
            if not self._parting.watched:
                self._closes_at = _NEVER  # its own deadline counts from here on
            self._ask_for_body()

    def eof_received(self) -> bool:
        """A FIN cannot be told from a close. What is complete may still leave; an answer under way has lost its
        client, and hears of it now: connection_lost waits until the buffer has drained, which may be never. Over TLS
        there are two such words, and one may come before the connection is made."""
        if self._parted or self not in self._connections:
            return False
        self._read_all()
        self._parted = self._draining = self._closing = True
        self._abandon()
        if self._tls is not None:
            self._tls.flush()
        self._closes_at = self._parting.watch()
        if self._current is not None and not self._current.finished:
            self._lose()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._put_off = b""
        self._connections.discard(self)
        self._abandon()
        self._lose()
        self._reader.close()

    def pause_writing(self) -> None:
        self._above = True
        if self._tls is not None:
            self._tls.pause()
        current = self._current
        if current is not None and current.observer is not None and not current.finished:
            current.observer.client_paused()

    def resume_writing(self) -> None:
        if self._tls is not None and not self._tls.resume():
            return  # what was in line has filled it again
        self._above = False
        current = self._current
        if current is None:
            return
        if current.finished:  # not from inside the transport's call: asyncio's own breaks if it is closed there
            asyncio.get_running_loop().call_soon(self._delivered, current)
        elif current.observer is not None:
            current.observer.client_resumed()

    def _lose(self) -> None:
        """The client has gone: tell whoever answers it."""
        current, self._current = self._current, None
        if current is not None:
            observer, current.observer = current.observer, None
            if observer is not None:
                observer.client_gone()

    # -- turns --------------------------------------------------------------------------------------------------------

    def _take(self, incoming: list[Incoming]) -> None:
        self._waiting.extend(incoming)
        if self._current is None:
            self._next()

    def _ask_for_body(self) -> None:
        """Tell a client that waits to be told to send its body, once it is its turn."""
        if self._reader.expects_continue and self._current is None and not self._waiting:
            self._reader.go_on()
            self.transport.write(CONTINUE)

    def _next(self) -> None:
        request, error = (turn := self._waiting.popleft()).request, turn.error
        self._handler.bodies.held -= len(request.body)
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
        self._handler.bodies.held -= sum(len(request.body) for request in requests)
        unfinished = self._reader.abandoned()
        for request in [*requests, unfinished] if unfinished is not None else requests:
            stream = ServerStream(self, request, keep_alive=False)
            self._handler.abandon(request, stream)
            stream.observer = None  # or the two would hold each other, and the body

    # -- for the answer and the listener ------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Write bytes of the current answer."""
        self._counters.sent += len(data)
        self.transport.write(data)

    def unread(self) -> int:
        if self not in self._connections:
            return 0  # closed
        return self._parting.unread()

    def answered(self) -> bool:
        """The current answer is finished: go on, or first wait until its client has taken most of it."""
        current = self._current
        if current is None:
            return True  # the client has gone
        if self._above:
            if current.observer is None:
                self._closes_at = self._parting.watch()
            return False
        self._current = current.observer = None
        self._go_on(keep_alive=current.keep_alive)
        return True

    def _delivered(self, stream: ServerStream) -> None:
        """The finished answer has left, and what waited for that goes on."""
        if self._current is not stream:
            return  # cut, or left by its client, in between
        self._current = None
        self._parting.forget()
        observer, stream.observer = stream.observer, None
        if observer is not None:
            observer.client_resumed()
        self._go_on(keep_alive=stream.keep_alive)

    def _go_on(self, *, keep_alive: bool) -> None:
        """Take the next request, or close."""
        if not keep_alive or (self._closing and not self._waiting):  # since this answer's head was written
            self._abandon()
            self._reader.close()
            self._closes_at = self._parting.linger() if self._refused else self._parting.close()
        elif self._waiting:
            self._next()
        elif self._reader.reading:
            self._ask_for_body()
        else:
            self._closes_at = self._clock() + self._limits.idle_timeout_s

    def cut(self) -> None:
        """Close at once; what is buffered is lost. Nobody is told: the caller knows."""
        self._current = None
        self.abort()

    def abort(self) -> None:
        """The same, but `connection_lost` tells whoever answers."""
        if self.until_close:  # else the client would take what it has for the whole
            close_by_reset(self.transport)
        self.transport.abort()

    def expire(self) -> None:
        """The deadline has passed: an idle connection is closed, a slow request refused, a lingering client cut, and
        one that takes nothing of what it is owed."""
        if self._put_off:
            return  # it has said something, and is heard in the next turn of the loop
        if self._parting.watched:
            if self._parting.stalls():
                self.abort()
            else:
                self._closes_at = self._parting.watch()
        elif self._reader.deadline <= self._clock():
            self._take(self._reader.time_out())
        elif self._refused or self.transport.get_write_buffer_size():
            self.abort()
        else:
            self._closes_at = self._parting.close()

    def last_call(self) -> None:
        """Say with each answer that it is the last; a request that comes all the same is served. `drain` follows."""
        self._draining = True

    @property
    def unheard(self) -> bool:
        """Nothing is being answered, and something has come that was not read yet. A system call."""
        if self._current is not None or self._closing or self._refused:
            return False
        return self._put_off != b"" or arrived(self.transport) > 0

    def drain(self) -> None:
        """Close when idle, now or as soon as the answer under way is finished. No other one begins: what waits behind
        it, or is still being read, is refused in its turn."""
        if self._closing:
            return
        self._read_all()
        self._draining = self._closing = True
        self._reader.unwanted = error = Unavailable("the server is shutting down")
        self._waiting = deque(msgspec.structs.replace(turn, error=turn.error or error) for turn in self._waiting)
        if self._reader.reading:
            self._take(self._reader.refuse(error))
        elif self._current is None and not self._refused:  # a refused client is lingering, and not for long
            self._closes_at = self._parting.close()
