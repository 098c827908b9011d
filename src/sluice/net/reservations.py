"""Ports that belong to a group of workers: bound once, by the supervisor, which never listens on them.

So "is it free?" has one answer for the whole group, and port 0 becomes one number for all. The workers bind beside the
reservation (SO_REUSEPORT, socket(7)); nobody else can while one of them listens, not even another group.
"""

import errno
import socket
from collections.abc import Collection

from sluice.config.exposure import Hosts
from sluice.errors import ConfigError
from sluice.net.listener import bind

TRIES = 20
"""For a port that is free on every address; each is free with all but certainty."""
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Reservations:
    """What is held, and for which workers. Of addresses those that this machine has not are left out."""

    def __init__(self) -> None:
        self._sockets: dict[int, list[socket.socket]] = {}
        self._holders: dict[int, set[int]] = {}

    @property
    def ports(self) -> Collection[int]:
        return self._sockets.keys()

    def hold(self, port: int, worker: int, hosts: Hosts) -> int:
        """Hold a port of these addresses for a worker, perhaps beside others, whose addresses count then; return it, or
        for 0 one that is free.

        Raises:
            ConfigError: somebody else has it.
        """
        if port not in self._sockets:
            port, sockets = self._free(hosts) if port == 0 else (port, self._bound(port, hosts))
            self._sockets[port] = sockets
        self._holders.setdefault(port, set()).add(worker)
        return port

    def keep(self, ports: Collection[int], worker: int) -> None:
        """A worker serves these and no others: let go what nobody serves any more."""
        for port, holders in list(self._holders.items()):
            if port not in ports:
                holders.discard(worker)
            if not holders:
                self._let_go(port)

    def close(self) -> None:
        for port in list(self._sockets):
            self._let_go(port)

    def _let_go(self, port: int) -> None:
        del self._holders[port]
        for sock in self._sockets.pop(port):
            sock.close()

    def _free(self, hosts: Hosts) -> tuple[int, list[socket.socket]]:
        """A port that is free on every address: that it is on one says nothing about the others."""
        for _ in range(TRIES):
            first = self._bound(0, hosts, only_first=True)
            port = first[0].getsockname()[1]
            first[0].close()
            try:
                return port, self._bound(port, hosts)
            except ConfigError:
                continue
        raise ConfigError("no port is free", path="--port")

    def _bound(self, port: int, hosts: Hosts, *, only_first: bool = False) -> list[socket.socket]:
        sockets: list[socket.socket] = []
        refusal: OSError | None = None
        for host in hosts:
            try:
                sock = bind(host, port)
            except OSError as error:
                refusal = error
                if error.errno in _NOT_HERE:
                    continue
                break
            # Only now: with it, bind would find room beside the workers of another group.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sockets.append(sock)
            refusal = None
            if only_first:
                break
        else:
            refusal = None if sockets else refusal
        if refusal is not None:
            for sock in sockets:
                sock.close()
            raise ConfigError(f"port {port} cannot be listened on: {refusal.strerror or refusal}") from refusal
        return sockets
