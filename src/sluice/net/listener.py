"""Listening sockets: bind once per port, make a ServerConnection per client, sweep their deadlines."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterable
from functools import partial

from sluice.config.exposure import Hosts
from sluice.config.plan import Limits, Listener
from sluice.errors import ConfigError
from sluice.gateway.ports import Handler
from sluice.net.bolt import bolt, queued
from sluice.net.parting import CLOSE_S
from sluice.net.server import ServerConnection
from sluice.net.tls import Certificates, front_context
from sluice.net.tls_protocol import TlsProtocol
from sluice.telemetry.metrics import Metrics

BACKLOG = 4096
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What binding to an address says on a machine without IPv6."""


class Port:
    """One port that clients connect to, and the connections that came through it."""

    def __init__(self, number: int, handler: Handler, metrics: Metrics, clock: Callable[[], float]) -> None:
        self.number = number
        self.hosts: Hosts = ()
        """The addresses that it listens on, as far as this machine has them."""
        self.connections: set[ServerConnection] = set()
        self.limits = Limits()
        self._handler = handler
        self._metrics = metrics
        self._clock = clock
        self._servers: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []
        """Those that the servers listen on."""
        self._make: Callable[[], asyncio.BaseProtocol] = self._connection
        self._ending = False
        """There has been a last call."""
        self._labels = ("", "", "", "http")
        self._certificates: Certificates | None = None
        self._encrypted: set[TlsProtocol] = set()
        """Connections with TLS, those that are still shaking hands among them."""

    def use(self, listeners: Iterable[Listener], limits: Limits) -> None:
        """Take limits, labels and certificates from a plan; connections that are open keep theirs.

        Raises:
            ConfigError: see `prepare`.
        """
        self.prepare(listeners, limits)()

    def prepare(self, listeners: Iterable[Listener], limits: Limits) -> Callable[[], None]:
        """Return what makes this port use a plan. Until that is called nothing has changed, and then nothing fails.

        Raises:
            ConfigError: a certificate cannot be used, or TLS would be switched on or off under open sockets.
        """
        chosen = tuple(listeners)
        first = chosen[0]
        if self._servers and (self._certificates is None) != (first.tls is None):
            raise ConfigError(f"port {self.number} cannot switch TLS on or off while it listens", hint="restart")
        certificates = Certificates(chosen, self._certificates) if first.tls is not None else None

        def take() -> None:
            self.limits = limits
            self._labels = (first.bind, first.gateway, first.name, "https" if first.tls else "http")
            self._certificates = certificates

        return take

    async def open(self, hosts: Iterable[str], *, reuse_port: bool = False) -> None:
        """Bind and listen on every address that this machine has. Port 0 becomes one that is free. With `reuse_port`
        other processes may do so beside this one.

        Raises:
            ConfigError: one of them is taken, or there is none.
        """
        self.hosts = tuple(hosts)
        refusal: OSError | None = None
        any_port = self.number == 0
        if self._certificates is not None:
            self._make = partial(self._encrypted_connection, front_context(self._certificate))
        for host in self.hosts:
            try:
                sock = bind(host, self.number, reuse_port=reuse_port)
            except OSError as error:
                refusal = error
                if error.errno in _NOT_HERE or (any_port and self._servers):
                    continue
                break  # half a listener would leave clients with whoever has the other half
            loop = asyncio.get_running_loop()
            server = await loop.create_server(self._make, sock=sock, backlog=BACKLOG, start_serving=False)
            self._servers.append(server)  # before it listens: who is cancelled meanwhile closes it
            self._sockets.append(sock)
            await server.start_serving()
            self.number = self.number or sock.getsockname()[1]
        else:
            refusal = None if self._servers else refusal
        if refusal is not None:
            self.stop_accepting()
            raise ConfigError(f"port {self.number} cannot be listened on: {refusal.strerror or refusal}") from refusal

    def _connection(self) -> ServerConnection:
        counters = self._metrics.connection_opened(*self._labels)
        connection = ServerConnection(self._handler, self.limits, counters, self.connections, self._clock)
        if self._ending:
            connection.last_call()
        return connection

    def _encrypted_connection(self, front: ssl.SSLContext) -> TlsProtocol:
        # A connection is ours only in between: TLS needs clocks of its own.
        handshake_s = self.limits.head_timeout_s
        return TlsProtocol(self._connection(), front, self._encrypted, handshake_s=handshake_s, goodbye_s=CLOSE_S)

    def _certificate(self, name: str | None) -> ssl.SSLContext:
        assert self._certificates is not None  # see `prepare`
        return self._certificates.choose(name)

    def sweep(self, now: float) -> None:
        """Expire connections whose deadline has passed. O(connections)."""
        for connection in [c for c in self.connections if c.deadline <= now]:
            connection.expire()

    def stop_accepting(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._sockets.clear()

    def last_call(self) -> None:
        """Let nobody else in. Whoever is in is served, and each answer says from now on that it is the last. To be
        followed by `close_door`, and in the end by `drain`."""
        self._ending = True
        for sock in self._sockets:
            bolt(sock)
        for connection in self.connections:
            connection.last_call()
        for tls in self._encrypted:
            if isinstance(tls.connection, ServerConnection):  # else it has ended
                tls.connection.last_call()

    async def close_door(self) -> None:
        """Accept whoever the kernel has let in until now, and listen no longer."""
        clients = [client for sock in self._sockets for client in queued(sock)]
        self.stop_accepting()  # now: nobody can have come in between
        async with asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(self._connect(client), name="accepted client")

    async def _connect(self, client: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._make, client)
        except OSError:
            client.close()  # it has gone already

    @property
    def occupied(self) -> bool:
        """Somebody is in."""
        return bool(self.connections or self._encrypted)

    @property
    def unheard(self) -> bool:
        """Somebody has sent something that was not read yet. O(connections), a system call for each at rest."""
        return any(connection.unheard for connection in self.connections)

    def drain(self) -> None:
        """Take no new connection and no new request; close those at rest now, the others after the answer under
        way."""
        self.stop_accepting()
        for connection in list(self.connections):
            connection.drain()
        self._refuse_handshakes()

    @property
    def owes(self) -> bool:
        """Some client has not taken all that it was given. O(connections), a system call for each."""
        return any(connection.unread() for connection in self.connections)

    def close(self) -> None:
        """Cut everything."""
        self.stop_accepting()
        for connection in list(self.connections):
            connection.abort()
        self._refuse_handshakes()

    def _refuse_handshakes(self) -> None:
        """Close whoever would become a connection by and by."""
        for tls in list(self._encrypted):
            if tls.connection not in self.connections:
                tls.raw.abort()


def bind(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """Return a bound socket for an IPv4 or IPv6 address; an IPv6 one takes no IPv4 connections. With `reuse_port` it
    shares the address with others that do (SO_REUSEPORT, socket(7)).

    Raises:
        OSError: the address is taken, or this machine does not have it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
