"""The client's side of `net` without a gateway: a port whose requests a test answers itself, on a clock of its own."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Self

import trustme

from sluice.config.plan import Limits
from sluice.errors import SluiceError
from sluice.gateway.ports import Bodies, ClientStream, Request
from sluice.net.server import ServerConnection
from sluice.net.tls_protocol import TlsProtocol
from sluice.telemetry.metrics import ListenerCounters
from tests.support.raw_client import RawClient
from tests.support.waiting import until

WINDOW_BYTES = 32 << 10
"""Receive buffer of a client that is to be slow."""


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Observer:
    """Remembers what it was told of its client."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def client_gone(self) -> None:
        self.heard.append("gone")

    def client_paused(self) -> None:
        self.heard.append("paused")

    def client_resumed(self) -> None:
        self.heard.append("resumed")


class Asked:
    """One request and the stream that its answer goes to. The observer is attached already."""

    def __init__(self, request: Request, stream: ClientStream) -> None:
        self.request = request
        self.stream = stream
        self.observer = Observer()
        stream.observer = self.observer

    @property
    def heard(self) -> list[str]:
        return self.observer.heard


class Desk:
    """A listening port. What it is asked waits in `asked`, what its client left before its turn in `abandoned`."""

    def __init__(self, *, limits: Limits | None = None, tls: bool = False) -> None:
        self.clock = Clock()
        self.asked: list[Asked] = []
        self.abandoned: list[str] = []
        self.refused: list[str] = []
        self.counters = ListenerCounters()
        self.bodies = Bodies()
        self.connections: set[ServerConnection] = set()
        self.answer: Callable[[Asked], None] = lambda asked: None
        """What happens to a request as soon as it is here."""
        self._limits = limits or Limits()
        self.client_tls: ssl.SSLContext | None = None
        self._server_tls: ssl.SSLContext | None = None
        self._encrypted: set[TlsProtocol] = set()
        if tls:
            self._server_tls, self.client_tls = contexts()

    def admits(self, body_bytes: int | None) -> bool:
        return True

    def handle(self, request: Request, client: ClientStream) -> None:
        asked = Asked(request, client)
        self.asked.append(asked)
        self.answer(asked)

    def refuse(self, error: SluiceError, request: Request, client: ClientStream) -> None:
        self.refused.append(error.code)
        client.start(error.status, [], 0)
        client.finish()

    def abandon(self, request: Request, client: ClientStream) -> None:
        self.abandoned.append(request.path)

    async def client(self) -> RawClient:
        """Connect one whose kernel takes little ahead of it."""
        name = NAME if self.client_tls else None
        return await RawClient.connect(self.port, receive_buffer=WINDOW_BYTES, tls=self.client_tls, name=name)

    async def reader(self) -> "Reader":
        """Connect one that reads exactly as much as it is told to."""
        return await asyncio.to_thread(Reader, self.port, self.client_tls)

    async def request(self, number: int = 1) -> Asked:
        """Wait for the request of that number."""
        await until(lambda: len(self.asked) >= number)
        return self.asked[number - 1]

    @property
    def connection(self) -> ServerConnection:
        """The only one."""
        (connection,) = self.connections
        return connection

    def sweep(self, after_s: float) -> None:
        """Let time pass and do what a listener does every second."""
        self.clock.now += after_s
        for connection in [c for c in self.connections if c.deadline <= self.clock.now]:
            connection.expire()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", 0, backlog=1000)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        await until(lambda: not self.connections)

    def _protocol(self) -> asyncio.BaseProtocol:
        connection = ServerConnection(self, self._limits, self.counters, self.connections, self.clock)
        if self._server_tls is None:
            return connection
        return TlsProtocol(connection, self._server_tls, self._encrypted, handshake_s=5.0, goodbye_s=60.0)


def fill(asked: Asked, connection: ServerConnection) -> int:
    """Start an answer and write until something stays in our own buffer, less than its mark; return how many bytes of
    the body were given. The client must not be reading."""
    asked.stream.start(200, [], None)
    given = 0
    while not connection.transport.get_write_buffer_size():
        asked.stream.write(b"x" * 16_000)
        given += 16_000
    return given


class Reader:
    """A client on a socket of its own, not on the loop: it reads nothing ahead."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
        plain.connect(("127.0.0.1", port))
        self._sock = plain if tls is None else tls.wrap_socket(plain, server_hostname=NAME)
        self._sock.settimeout(5.0)

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    async def read(self, size: int) -> None:
        await asyncio.to_thread(self._read, size)

    def _read(self, size: int) -> None:
        while size > 0 and (data := self._sock.recv(min(size, 16 << 10))):
            size -= len(data)

    async def rest(self) -> int:
        """Read to the end and return how many bytes came."""
        return await asyncio.to_thread(self._rest)

    def _rest(self) -> int:
        size = 0
        while data := self._sock.recv(1 << 16):
            size += len(data)
        return size

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()


NAME = "gateway.test"


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's that trusts it."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert(NAME).configure_cert(server)
    authority.configure_trust(client)
    return server, client
