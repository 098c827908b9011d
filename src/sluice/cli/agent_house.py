"""Everything that agents stand on in one process: a gateway of their own without ports, a store, the service.

`sluice agent`, `sluice.serve` and `sluice.App` are three ways into it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from sluice.agent_server.identity import principals_of
from sluice.agent_server.server import Server
from sluice.agents.agent import Agent
from sluice.agents.catalogue import Catalogue
from sluice.agents.environment import chosen
from sluice.agents.service import Service
from sluice.config.plan import Plan
from sluice.config.rewire import with_fake_at
from sluice.net.assembly import Assembly
from sluice.net.model_road import ModelRoad
from sluice.net.pool import SWEEP_S
from sluice.net.run_spans import RunSpans
from sluice.standard import STANDARD
from sluice.stores.limits_memory import MemoryCounters
from sluice.stores.runs import runs_of
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.report import Report


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be served."""

    agents: Sequence[Agent]
    plan: Plan
    store: str = "sqlite:///sluice.db"
    cors: tuple[str, ...] = ()
    """Origins whose pages may ask."""


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class AgentHouse:
    """Call `build` once, in the event loop; then `open` it and `close` it. `service` is opened by whoever serves."""

    def __init__(
        self, wanted: Wanted, *, report: Report, log: ProcessLog, start_fake: Callable[[], Awaitable[int]]
    ) -> None:
        self._wanted, self._report, self._log, self._start_fake = wanted, report, log, start_fake
        self._keepers: list[asyncio.Task[None]] = []

    async def open(self) -> Server:
        """Put it together and return what is served.

        Raises:
            ConfigError: something of it cannot be used.
        """
        wanted = self._wanted
        plan = with_fake_at(wanted.plan, await self._start_fake()) if wanted.plan.needs_fake else wanted.plan
        assembly = Assembly(plan, registry=STANDARD, report=self._report, log=self._log, counters=MemoryCounters())
        self._assembly = assembly
        await assembly.policies.open(plan)
        loop = asyncio.get_running_loop()
        self._keepers = [
            loop.create_task(keeper(), name=keeper.__name__) for keeper in (self._sweep, *assembly.policies.keepers())
        ]
        await assembly.policies.ready()
        self.service = service_of(wanted, assembly, self._report)
        return server_of(self.service, wanted, assembly)

    async def close(self) -> None:
        """Let go of everything but the service, which is closed before."""
        await self._assembly.policies.finish()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._assembly.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._assembly.pool.sweep(time.monotonic())


def service_of(wanted: Wanted, assembly: Assembly, report: Report) -> Service:
    """Return the service of these agents, whose models are the gateway's."""
    return Service(
        Catalogue(wanted.agents),
        runs_of(wanted.store, now),
        ModelRoad(assembly.gateway, chosen(wanted.plan).asked),
        clock=time.monotonic,
        now=now,
        fault=report.fault,
        traces=RunSpans(assembly.gateway, report.beside),
    )


def server_of(service: Service, wanted: Wanted, assembly: Assembly) -> Server:
    """Return what protocols' routes are made of. Who asks is told by the plan's policies of identity.

    Raises:
        ConfigError: its routes have different ones.
    """
    principals = principals_of(wanted.plan, assembly.policies.services.access)
    return Server(service, principals, cors=wanted.cors)
