"""An agent server for a test: the whole application on uvicorn, in the test's own loop, on a loopback port."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator

import uvicorn

from sluice.agent_server.app import build
from sluice.agent_server.identity import Everyone
from sluice.agent_server.server import Principals, Server
from sluice.agents.agent import Agent
from sluice.agents.catalogue import Catalogue
from sluice.agents.model import Chunk, ModelRequest
from sluice.agents.ports import Models, RunTraces, Store
from sluice.agents.service import Service
from sluice.stores.runs_memory import MemoryRuns
from tests.support.waiting import until


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class NoModels:
    """For agents that ask none."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        raise AssertionError(f"a model was asked: {request.model}")


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leave = asyncio.Event()

    async def main_loop(self) -> None:
        """Serve until told to leave, at once: uvicorn's own looks ten times a second."""
        await self.on_tick(0)
        await self.leave.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the test runner's."""
        yield


class AgentSite:
    """A server that runs. `url` has no slash at its end; `service` is what the application serves."""

    def __init__(self, service: Service, principals: Principals | None = None, cors: tuple[str, ...] = ()) -> None:
        self.service = service
        self.faults: list[BaseException] = []
        self.server = Server(service, principals or Everyone(), cors=cors)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.app = build(self.server)
        config = uvicorn.Config(self.app, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        self._uvicorn = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve."""
        self._task = asyncio.create_task(self._uvicorn.serve([self._socket]), name="uvicorn")
        await until(lambda: self._uvicorn.started or (self._task is not None and self._task.done()))
        assert self._uvicorn.started, "the application did not start"

    async def stop(self) -> None:
        """End all runs, close the service, and let the port go."""
        for running in list(self.service.running.values()):
            running.cancel("the test is over")
        self._uvicorn.leave.set()
        if self._task is not None:
            await self._task
        self._socket.close()


class AgentSites:
    """Makes sites, and stops them when the test is over.

    `site = await agent_site(echo, other, models=..., store=..., principals=...)`; the first agent is the default.
    """

    def __init__(self) -> None:
        self._sites: list[AgentSite] = []

    async def __call__(
        self,
        *agents: Agent,
        models: Models | None = None,
        store: Store | None = None,
        principals: Principals | None = None,
        cors: tuple[str, ...] = (),
        traces: RunTraces | None = None,
    ) -> AgentSite:
        faults: list[BaseException] = []
        service = Service(
            Catalogue(agents),
            store or MemoryRuns(now),
            models or NoModels(),
            clock=time.monotonic,
            now=now,
            fault=faults.append,
            traces=traces,
        )
        site = AgentSite(service, principals, cors)
        site.faults = faults
        self._sites.append(site)
        await site.start()
        return site

    async def close(self) -> None:
        for site in self._sites:
            await site.stop()
