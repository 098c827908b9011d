"""The ports of a process, opened in this one, with a desk behind them."""

import asyncio
import ssl
import time
from typing import Self

import trustme

from sluice.config.exposure import Exposure
from sluice.config.plan import Listener, Plan
from sluice.net.listener import Port
from sluice.net.place import Alone
from sluice.net.ports import Ports
from sluice.telemetry.metrics import Metrics
from tests.net.certificates import listener
from tests.net.clients_side import Asked, Desk, Reader
from tests.support.raw_client import RawClient
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

GRACE_S = 0.1
"""What everybody gets at the end."""
NEVER = float("inf")


class Open:
    """A process's ports, one of them open, with and without TLS."""

    def __init__(self, *, tls: bool) -> None:
        self.desk = Desk()
        self.ports = Ports(Exposure(hosts=("127.0.0.1",)), None, Alone(), Metrics("agentgateway_", "test"))
        self.number = free_ports(1)[0]
        self.client_tls: ssl.SSLContext | None = None
        self._listener = Listener(name="http", gateway="test/gateway", port=self.number)
        if tls:
            authority = trustme.CA()
            self._listener = listener(authority, "gateway.test", port=self.number)
            self.client_tls = trusting(authority)

    async def __aenter__(self) -> Self:
        await self.ports.use(Plan(listeners=(self._listener,)), self.desk)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ports.close()
        await until(lambda: not self.port.connections)

    @property
    def port(self) -> Port:
        (port,) = self.ports._all()
        return port

    async def reader(self) -> Reader:
        return await asyncio.to_thread(Reader, self.number, self.client_tls)

    async def flushed(self, deadline: float = NEVER, *, grace_s: float = GRACE_S) -> float:
        """Wait as the process does at its end, and return how long that was."""
        started = time.monotonic()
        async with asyncio.timeout(5.0):
            await self.ports.flushed(grace_s, lambda: deadline)
        return time.monotonic() - started


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def named(opened: Open) -> str | None:
    return "gateway.test" if opened.client_tls is not None else None


def ok(asked: Asked) -> None:
    asked.stream.start(200, [], 2)
    asked.stream.finish(b"ok")


async def enter(world: World, opened: Open) -> RawClient:
    """A client that has not asked anything."""
    before = len(opened.port.connections)
    client = await RawClient.connect(opened.number, tls=opened.client_tls, name=named(opened))
    await until(lambda: len(opened.port.connections) > before)
    return await world.enter(client)
