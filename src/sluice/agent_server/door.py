"""The address of the agent server: uvicorn in this process's loop, which leaves the process's signals alone.

open (the store, the agents) ── serve ──► drain: no new work, runs end, and so their streams ──► over
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from sluice.agent_server.heads import BoundedHeads
from sluice.agents.service import Service
from sluice.errors import ConfigError
from sluice.net.listener import bind

LAST_WORDS_S = 1.0
"""How long answers may take to leave once their runs have ended."""


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class AgentDoor:
    """Serves one application. Call `open`, own `serve` in a task, then `drain` and `close`."""

    def __init__(self, app: ASGIApp, service: Service, hosts: Sequence[str], port: int) -> None:
        """
        Raises:
            ConfigError: none of the addresses can be bound, or one that was asked for.
        """
        self._service = service
        self._sockets = _bound(hosts, port)
        self.port: int = self._sockets[0].getsockname()[1]
        config = uvicorn.Config(
            app,
            loop="none",
            http=BoundedHeads,
            ws="auto",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        self._server = _Uvicorn(config)
        self._over = asyncio.Event()

    async def open(self) -> None:
        """Open the store and let the agents begin.

        Raises:
            ConfigError: the store cannot be used.
        """
        await self._service.open()

    async def serve(self) -> None:
        """Serve until `close`."""
        try:
            await self._server.serve(sockets=self._sockets)
        finally:
            self._over.set()

    async def started(self) -> None:
        """Return when it serves."""
        await self._server.up.wait()

    async def drain(self, timeout_s: float) -> None:
        """Take no new work, let the runs under way end for so long, then end them; their answers leave, the store is
        closed, and `serve` returns."""
        self._server.should_exit = True
        await self._service.close(timeout_s)
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await self._over.wait()
        except TimeoutError:
            self.close()

    def close(self) -> None:
        """Serve no more, at once."""
        self._server.should_exit = self._server.force_exit = True


def _bound(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """All addresses at one port. This machine may lack one of the two families of the loopback."""
    sockets: list[socket.socket] = []
    failed: OSError | None = None
    for host in hosts:
        try:
            sockets.append(bind(host, port or (sockets[0].getsockname()[1] if sockets else 0)))
        except OSError as error:
            if ":" not in host or not sockets:
                failed = error
                break
    if failed is not None or not sockets:
        for each in sockets:
            each.close()
        why = failed.strerror if failed is not None else "no address"
        raise ConfigError(f"port {port} of {', '.join(hosts)} cannot be listened on: {why}", path="--port")
    return sockets
