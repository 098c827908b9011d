"""Agents in a program of one's own: `serve(agent)` takes the process, `App([agent])` is an ASGI application.

serve(agent)                                      # :8080, until Ctrl-C
app = App(agents=[agent], store="memory:")        # uvicorn shop:app; or mounted in another application
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack

import click
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from sluice.agent_server.app import build
from sluice.agents.agent import Agent
from sluice.cli.agent_house import Wanted
from sluice.cli.agent_process import DRAIN_S, Serving, run, standing
from sluice.cli.agent_start import announce, lines, reachable
from sluice.errors import ConfigError
from sluice.net.files import ConfigFiles
from sluice.standard import STANDARD

STORE = "sqlite:///sluice.db"


def serve(
    *agents: Agent,
    host: str | Sequence[str] = (),
    port: int | None = None,
    file: str | Sequence[str] = (),
    store: str = STORE,
    cors: Sequence[str] = (),
    drain_s: float = DRAIN_S,
) -> None:
    """Serve agents in every protocol until SIGTERM or Ctrl-C. The first is the default. `port`: without one that of the
    variable PORT, or 8080. `file`: the gateway's configuration; without one the environment is. See `sluice agent`.

    Raises:
        ConfigError: something of it cannot be served.
    """
    plan = ConfigFiles(_texts(file), os.environ, STANDARD).load()
    wanted = Wanted(agents=agents, plan=plan, store=store, cors=tuple(cors))
    chosen = int(os.environ.get("PORT") or 8080) if port is None else port
    serving = Serving(hosts=reachable(_texts(host), plan, insecure=False), port=chosen, drain_s=drain_s)
    uvloop.run(run(wanted, serving, lambda door: announce(lines(list(agents)), door, alone=False)))


class App:
    """An ASGI application. It opens with the server's lifespan, or where that is not passed on, as by a mount, with the
    first request; `aclose` ends it there.

    Raises:
        ConfigError: the configuration cannot be read.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        *,
        store: str = STORE,
        file: str | Sequence[str] = (),
        cors: Sequence[str] = (),
        drain_s: float = DRAIN_S,
        log_level: str = "warn",
    ) -> None:
        plan = ConfigFiles(_texts(file), os.environ, STANDARD).load()
        self._wanted = Wanted(agents=agents, plan=plan, store=store, cors=tuple(cors))
        self._drain_s, self._log_level = drain_s, log_level
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        app = self._app or await self.open()
        await app(scope, receive, send)

    async def open(self) -> ASGIApp:
        """Open it, if it is not open.

        Raises:
            ConfigError: something of it cannot be used.
        """
        async with self._opening:
            if self._app is None:
                level = self._log_level
                server = await self._stack.enter_async_context(
                    standing(self._wanted, log_format="json", log_level=level)
                )
                await server.service.open()
                self._stack.push_async_callback(server.service.close, self._drain_s)
                self._app = build(server)
            return self._app

    async def aclose(self) -> None:
        """Let runs end, and let go of everything."""
        self._app = None
        await self._stack.aclose()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.open()
        except ConfigError as error:
            click.echo(f"sluice cannot start: {error}", err=True)
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def _texts(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
