"""The way to one rate-limit service: its connection, made when it is needed, and what it is still to be told."""

import asyncio
import socket
import ssl
from collections import deque

from sluice.config.plan import Tls
from sluice.errors import Unreachable
from sluice.net.grpc_protocol import GrpcConnection, GrpcFailed
from sluice.net.rate_limit_messages import METHOD
from sluice.net.reach import reachable
from sluice.net.tls import client_context
from sluice.policies.server import Server

REST_S = 1.0
"""How long a service that has failed is not asked."""
MAX_REPORTS = 10_000
"""Messages that wait for a service that is gone; beyond, the oldest are dropped."""


class Way:
    """One service. `ask_s`: what a call may take, connecting included."""

    def __init__(self, server: Server, ask_s: float) -> None:
        self.due: deque[bytes] = deque(maxlen=MAX_REPORTS)
        self.tells = False
        self.told = asyncio.Event()
        """Nothing is due."""
        self.told.set()
        self._server, self._ask_s = server, ask_s
        self._context = _context(server)
        self._connection: GrpcConnection | None = None
        self._connecting = asyncio.Lock()
        self._rests_until = 0.0
        self._why = ""

    async def ask(self, message: bytes) -> bytes:
        """
        Raises:
            GrpcFailed: there is no answer.
        """
        if self._rests:
            raise GrpcFailed(self._why)
        try:
            async with asyncio.timeout(self._ask_s):
                return await self._call(message)
        except (TimeoutError, OSError, Unreachable) as error:
            raise self._failed(str(error) or "it does not answer in time") from None
        except GrpcFailed as error:
            if error.lost:
                raise self._failed(str(error)) from None
            raise

    async def tell(self) -> None:
        """Send what is due, until nothing is."""
        while self.due:
            message = self.due.popleft()
            try:
                await self.ask(message)
            except GrpcFailed:
                if self._rests:
                    self.due.appendleft(message)
                    await asyncio.sleep(REST_S)
        self.tells = False
        self.told.set()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    @property
    def _rests(self) -> bool:
        return asyncio.get_running_loop().time() < self._rests_until

    def _failed(self, why: str) -> GrpcFailed:
        self._why = why
        self._rests_until = asyncio.get_running_loop().time() + REST_S
        return GrpcFailed(why)

    async def _call(self, message: bytes) -> bytes:
        """A connection that was closed while it rested has not seen the call: once more on another."""
        try:
            return await self._once(message)
        except GrpcFailed as error:
            if not error.lost:
                raise
        return await self._once(message)

    async def _once(self, message: bytes) -> bytes:
        connection = await self._connected()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def then(heard: bytes | GrpcFailed) -> None:
            if answer.done():
                return
            if isinstance(heard, GrpcFailed):
                answer.set_exception(heard)
            else:
                answer.set_result(heard)

        give_up = connection.call(METHOD, message, then)
        try:
            return await answer
        finally:
            give_up()

    async def _connected(self) -> GrpcConnection:
        async with self._connecting:
            if self._connection is None or not self._connection.usable:
                self._connection = await self._dial()
            return self._connection

    async def _dial(self) -> GrpcConnection:
        """
        Raises:
            OSError: no address of it can be connected.
            Unreachable: its name leads where no name may lead.
        """
        server, loop = self._server, asyncio.get_running_loop()
        found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        refused: OSError = OSError("its name has no address")
        for address in reachable(server.host, list(dict.fromkeys(str(place[0]) for *_, place in found))):
            connection = GrpcConnection(f"{server.host}:{server.port}", encrypted=server.secure)
            try:
                await loop.create_connection(
                    lambda made=connection: made,
                    address,
                    server.port,
                    ssl=self._context,
                    server_hostname=(server.server_name or server.host) if self._context is not None else None,
                )
            except OSError as error:
                refused = error
            else:
                return connection
        raise refused


def _context(server: Server) -> ssl.SSLContext | None:
    if not server.secure:
        return None
    context = client_context(Tls(server_name=server.server_name, ca_pem=server.ca_pem, verify=server.verify))
    context.set_alpn_protocols(["h2"])
    return context
