"""The connections of one address: listens, numbers them, counts their bytes, and remembers those that are closed."""

import asyncio
import ssl
import time
from collections import deque

from sluice.net.listener import BACKLOG
from sluice.net.server import ServerConnection
from sluice.testing.fake_line import Leave, Line, Serve
from sluice.testing.fake_sight import MAX_SIGHTS, ConnectionSight

SWEEP_S = 1.0
"""How often connections are looked at whose time is over."""


class Lines:
    """`await start()`, and `await close()` at the end. `serve` and `left`: see `Line`."""

    def __init__(self, serve: Serve, left: Leave) -> None:
        self._serve = serve
        self._left = left
        self._open: dict[asyncio.Transport, Line] = {}
        self._connections: set[ServerConnection] = set()
        self._past: deque[ConnectionSight] = deque(maxlen=MAX_SIGHTS)
        self._count = 0
        self._past_bytes = (0, 0)
        """Received and sent by connections that are closed."""
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._line, host, port, backlog=BACKLOG, ssl=tls)
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)
        return int(self._server.sockets[0].getsockname()[1])

    def deafen(self) -> bool:
        """Listen no longer; return whether there was anything to end."""
        server = self._server
        if server is None:
            return False
        if self._sweeper is not None:
            self._sweeper.cancel()
        server.close()
        return True

    async def close(self) -> None:
        """Listen no longer, and cut every connection. Calling it again, or without `start`, does nothing."""
        if not self.deafen():
            return
        server, self._server = self._server, None
        for connection in list(self._connections):
            connection.transport.abort()
        while self._open:
            self._empty.clear()
            await self._empty.wait()
        assert server is not None
        await server.wait_closed()

    # -- what is known ------------------------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @property
    def received(self) -> int:
        """Bytes from clients, heads included."""
        return self._past_bytes[0] + sum(line.counters.received for line in self._open.values())

    @property
    def sent(self) -> int:
        """Bytes to clients, heads and framing included."""
        return self._past_bytes[1] + sum(line.counters.sent for line in self._open.values())

    @property
    def sights(self) -> list[ConnectionSight]:
        """The last connections, in the order in which they were closed; then those that are open."""
        return [*self._past, *(line.sight for line in self._open.values())]

    def of(self, transport: asyncio.Transport) -> Line:
        """Return the connection with this transport."""
        return self._open[transport]

    def forget(self) -> None:
        """Forget the connections that are closed."""
        self._past.clear()

    # -- connections --------------------------------------------------------------------------------------------------

    def _line(self) -> Line:
        self._count += 1
        return Line(
            self._count, self._connections, serve=self._serve, left=self._left, made=self._made, lost=self._lost
        )

    def _made(self, line: Line) -> None:
        self._open[line.transport] = line

    def _lost(self, line: Line) -> None:
        del self._open[line.transport]
        self._past.append(line.sight)
        received, sent = self._past_bytes
        self._past_bytes = (received + line.counters.received, sent + line.counters.sent)
        if not self._open:
            self._empty.set()

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in [c for c in self._connections if c.deadline <= now]:
            connection.expire()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)
