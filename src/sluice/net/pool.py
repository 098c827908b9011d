"""Connections to providers: connect, keep, reuse, evict. One pool per process.

A resting connection is looked at before it is used again (one poll of its socket): if the provider has closed it
or said anything, it is dropped and another is taken, while nothing of the request has been sent.

A window remains: the provider closes while the request is on its way. If its end then comes with no byte of the request
acknowledged, it cannot have acted on it, and the request goes out once more on a new connection; this is as safe for
POST as it is for GET (RFC 9112, 9.3.1, asks to know just that). If it resets instead, or acknowledged something,
nobody can tell: the caller gets Truncated, `stale` if not a byte of an answer came, and its own fail-over decides. The
connections that rest beside a dead one are given up with it: what killed it in silence (a balancer that forgot it, a
restart) killed them too, and who asks again would meet one after the other.
"""

import asyncio
import select
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping

from sluice.config.plan import Endpoint, Tls
from sluice.errors import TimedOut, Truncated
from sluice.gateway.ports import UpstreamHead
from sluice.net.answer import close_by_reset
from sluice.net.dial import dial
from sluice.net.lease import Lease
from sluice.net.reach import Reachable, is_public
from sluice.net.tls import client_context
from sluice.net.upstream import UpstreamConnection
from sluice.telemetry.server_names import UPSTREAM_POOL, UPSTREAM_REQUESTS

SWEEP_S = 1.0
DEAF_S = 1.0
"""Who acknowledges nothing for so long is not there: a host or a way to it that has gone says nothing."""
FRESH_S = 0.005
"""A rest that is too short for a provider's end to have come: shorter than a network's round trip and a loop's turn."""


class Pool:
    """Implements `gateway.ports.Upstream`. Call `sweep` about once a second, `close` at the end."""

    def __init__(
        self,
        *,
        idle_timeout_s: float = 90.0,
        clock: Callable[[], float] = time.monotonic,
        allowed: Reachable = is_public,
    ) -> None:
        """`allowed`: the addresses that a name may lead to; a connection that rests was allowed when it was made."""
        self.idle_timeout_s = idle_timeout_s
        self._allowed = allowed
        self._clock = clock
        self._resting: dict[Endpoint, deque[UpstreamConnection]] = {}
        self._all: set[UpstreamConnection] = set()
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self._sent: dict[str, float] = {"new": 0, "reused": 0}
        """Requests, by whether their connection had served before."""

    @property
    def numbers(self) -> Mapping[str, Callable[[], Mapping[str, float]]]:
        """For the metrics: see `Metrics.by_label`."""
        return {UPSTREAM_POOL.name: self._states, UPSTREAM_REQUESTS.name: self._sent.copy}

    def _states(self) -> Mapping[str, float]:
        idle = self.resting_connections
        return {"busy": len(self._all) - idle, "idle": idle}

    @property
    def open_connections(self) -> int:
        """Sockets to providers, busy and resting."""
        return len(self._all)

    @property
    def resting_connections(self) -> int:
        return sum(len(resting) for resting in self._resting.values())

    async def open(
        self,
        endpoint: Endpoint,
        request: bytes,
        *,
        expects_body: bool,
        connect_s: float,
        headers_s: float,
        sent: Callable[[bool], object] | None = None,
    ) -> Lease:
        """See `gateway.ports.Upstream.open`. Cancelled in whatever it awaits, it closes the socket at once."""
        connection = self._take(endpoint)
        while True:
            took_s = None
            if connection is None:
                started = self._clock()
                connection = await self._connect(endpoint, connect_s)
                took_s = self._clock() - started
                self._sent["new"] += 1
            else:
                self._sent["reused"] += 1
            asked_at = self._clock()
            answer = connection.send(request, expects_body=expects_body)
            if sent is not None:
                sent(True)
            loop = asyncio.get_running_loop()
            timer = loop.call_later(headers_s, _time_out, connection, answer) if headers_s else None
            try:
                await answer
                return Lease(connection, took_s)
            except BaseException as error:
                if not isinstance(error, Truncated) and self._clock() - asked_at >= DEAF_S:
                    connection.ask_whether_heard()
                    if connection.unheard:
                        close_by_reset(connection.transport)  # else the kernel would go on sending what it holds
                connection.transport.abort()
                if connection.unheard and not connection.heard and sent is not None:
                    sent(False)
                if not isinstance(error, Truncated) or connection.heard or took_s is not None:
                    raise
                for other in self._resting.pop(endpoint, ()):
                    self._drop(other)
                if not connection.unheard:
                    error.stale = True
                    raise
            finally:
                if timer is not None:
                    timer.cancel()
            connection = None  # once, and on a new connection

    async def _connect(self, endpoint: Endpoint, connect_s: float) -> UpstreamConnection:
        tls = endpoint.tls
        connection = await dial(
            endpoint,
            lambda: UpstreamConnection(endpoint, self._rest, self._all.discard),
            (lambda: self._context(tls)) if tls is not None else None,
            within_s=connect_s,
            allowed=self._allowed,
        )
        self._all.add(connection)
        return connection

    def _context(self, tls: Tls) -> ssl.SSLContext:
        context = self._contexts.get(tls)
        if context is None:
            context = self._contexts[tls] = client_context(tls)
        return context

    def _take(self, endpoint: Endpoint) -> UpstreamConnection | None:
        """The connection that rested last, if it is still good: providers close the oldest first."""
        resting = self._resting.get(endpoint)
        while resting:
            connection = resting.pop()
            if self._is_good(connection):
                return connection
            self._drop(connection)
        return None

    def _is_good(self, connection: UpstreamConnection) -> bool:
        """One that is not being read is in the midst of a sip: what follows it was asked for by nobody."""
        transport = connection.transport
        return (
            not (connection.lost or transport.is_closing())
            and transport.is_reading()
            and not self._has_spoken(connection)
        )

    def _has_spoken(self, connection: UpstreamConnection) -> bool:
        """Whether a resting socket has something to read that the event loop has not seen: its end, or bytes that
        nobody asked for. One that has hardly rested is not asked: its end would not have arrived yet."""
        if self._clock() - connection.rests_since < FRESH_S:
            return False
        if connection.readable is None:
            connection.readable = select.poll()
            sock = connection.transport.get_extra_info("socket")
            connection.readable.register(sock.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(connection.readable.poll(0))

    def _rest(self, connection: UpstreamConnection) -> None:
        connection.rests_since = now = self._clock()
        connection.deadline = now + self.idle_timeout_s
        self._resting.setdefault(connection.endpoint, deque()).append(connection)

    def _drop(self, connection: UpstreamConnection) -> None:
        self._all.discard(connection)
        if not connection.lost:
            connection.transport.abort()

    def sweep(self, now: float) -> None:
        """Close what rested too long. O(connections)."""
        for connection in [c for c in self._all if c.deadline <= now]:
            connection.expire()
        for endpoint in list(self._resting):
            good = deque(c for c in self._resting[endpoint] if not c.transport.is_closing())
            if good:
                self._resting[endpoint] = good
            else:
                del self._resting[endpoint]

    def close(self) -> None:
        """Cut every connection."""
        for connection in list(self._all):
            self._drop(connection)
        self._resting.clear()


def _time_out(connection: UpstreamConnection, answer: "asyncio.Future[UpstreamHead]") -> None:
    if answer.done():
        return
    if connection.in_line:  # look again once that was read
        asyncio.get_running_loop().call_later(0.0, _time_out, connection, answer)
    else:
        answer.set_exception(TimedOut("headers"))
