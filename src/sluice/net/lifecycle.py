"""The process: start, ready, reload, drain, end.

    start ── bind everything ── ready ── serve ──SIGTERM──► not ready, no new work ── streams finish ──► exit 0
                                  │                                       └── deadline: cut as `drained` ──► exit 0
                                  └── SIGHUP or a changed file: load; a bad one is refused whole and the old one stays

A second SIGTERM or SIGINT ends at once.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine

import msgspec

from sluice.config.plan import Addresses, Plan
from sluice.config.rewire import with_fake_at, with_port
from sluice.errors import ConfigError, Unavailable
from sluice.gateway.gateway import Gateway
from sluice.net.files import ConfigFiles
from sluice.net.listener import EVERYWHERE, LOOPBACK, Port
from sluice.net.memory import resident_bytes
from sluice.net.pool import SWEEP_S, Pool
from sluice.net.side_doors import SideDoor, admin_app, readiness_app, stats_app
from sluice.net.signing import CloudSigner
from sluice.registry import Registry
from sluice.relay.outcome import Outcome
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog, Threshold
from sluice.telemetry.report import Report

WATCH_S = 0.5
"""How often files are looked at: a changed key works, a revoked one fails, within 1.5 s (stream-life 10.11)."""
FLUSH_S = 1.0
"""How long the last bytes of the last answers may take to leave."""
WEIGH_S = 0.25
"""How often the process's memory is looked at, if it has a mark."""
LAG_S = 0.1
"""How often the event loop's lag is measured."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line and the environment decide about a process."""

    addresses: Addresses
    everywhere: bool = False
    """Listen on all addresses although no client has to authenticate."""
    drain_timeout_s: float = 60.0
    port: int | None = None
    """Replaces the port of the plan's only listener."""


class Process:
    """One serving process. `run` returns its exit status."""

    def __init__(
        self,
        files: ConfigFiles,
        options: Options,
        *,
        registry: Registry,
        report: Report,
        metrics: Metrics,
        log: ProcessLog,
        start_fake: Callable[[], Awaitable[int]],
    ) -> None:
        self._files = files
        self._options = options
        self._registry = registry
        self._report = report
        self._log = log
        self._start_fake = start_fake
        self._fake_port = 0
        self._port = options.port
        self._leaving: list[Port] = []
        """Ports that a reload removed, until their last connection has ended."""
        self.metrics = metrics
        self.threshold: Threshold = log.threshold
        self.ready = False
        self.ports: dict[int, Port] = {}
        self._stopping = asyncio.Event()
        self._when_killed: Callable[[], None] = _nothing
        self._reload_asked = asyncio.Event()

    @property
    def plan(self) -> Plan:
        return self.gateway.active.plan

    async def run(self, plan: Plan, announce: Callable[["Process"], None]) -> int:
        """Serve until told to stop. `announce` is called once, when ready.

        Raises:
            ConfigError: an address cannot be bound, a certificate cannot be used.
        """
        plan = self._moved(await self._with_fake(plan))
        self.pool = Pool(idle_timeout_s=plan.limits.pool_idle_timeout_s)
        self.gateway = Gateway(
            plan,
            upstream=self.pool,
            signer=CloudSigner(time.time),
            telemetry=self._report,
            registry=self._registry,
            clock=time.monotonic,
            wall=time.time,
        )
        self.gateway.swap(await self._open_ports(plan))
        doors = self._side_doors()
        self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks:
            for door in doors.values():
                tasks.create_task(door.serve(), name="side door")
            keepers = [tasks.create_task(keeper(), name=keeper.__name__) for keeper in self._keepers()]
            for door in doors.values():
                await door.started()
            self.side_ports = {name: door.port for name, door in doors.items()}
            self.ready = True
            announce(self)
            await self._stopping.wait()
            await self._drain()
            for keeper_task in keepers:
                keeper_task.cancel()
            for door in doors.values():
                door.close()
        self.pool.close()
        for port in (*self.ports.values(), *self._leaving):
            port.close()
        return 0

    # -- starting -----------------------------------------------------------------------------------------------------

    async def _with_fake(self, plan: Plan) -> Plan:
        if not plan.needs_fake:
            return plan
        self._fake_port = self._fake_port or await self._start_fake()
        return with_fake_at(plan, self._fake_port)

    def _moved(self, plan: Plan) -> Plan:
        """The plan on the port that the command line names; 0 = the one that was free at the start."""
        return plan if self._port is None else with_port(plan, self._port)

    async def _open_ports(self, plan: Plan) -> Plan:
        """Listen where the plan says and nowhere else; return the plan with the port that was free for port 0. Ports
        that stay keep their connections.

        Raises:
            ConfigError: an address cannot be bound, a certificate cannot be used; the ports are as before.
        """
        shared = {
            listener.port: [other for other in plan.listeners if other.port == listener.port]
            for listener in plan.listeners
        }
        opened: dict[int, Port] = {}
        try:
            for number, listeners in shared.items():
                if number not in self.ports:
                    opened[number] = port = Port(number, self.gateway, self.metrics, time.monotonic)
                    port.use(listeners, plan.limits)
                    await port.open(EVERYWHERE if self._options.everywhere else LOOPBACK)
            for number in shared.keys() - opened.keys():
                self.ports[number].use(shared[number], plan.limits)
        except ConfigError:
            for port in opened.values():
                port.close()
            raise
        self.ports |= {port.number: port for port in opened.values()}
        if 0 in opened:
            self._port = opened[0].number
            plan = with_port(plan, self._port)
        for number in self.ports.keys() - {listener.port for listener in plan.listeners}:
            leaving = self.ports.pop(number)
            leaving.drain()
            self._leaving.append(leaving)
        return plan

    def _side_doors(self) -> dict[str, SideDoor]:
        doors: dict[str, SideDoor] = {}
        addresses = self._options.addresses
        for name, address, app in (
            ("admin", addresses.admin, admin_app),
            ("stats", addresses.stats, stats_app),
            ("readiness", addresses.readiness, readiness_app),
        ):
            if address != "off":
                doors[name] = SideDoor(app(self), address, name)
        return doors

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_asked.set)

    def stop(self) -> None:
        """Drain and end; the second time, end at once."""
        if self._stopping.is_set():
            self._when_killed()
        self._stopping.set()

    # -- keeping ------------------------------------------------------------------------------------------------------

    def _keepers(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        return [self._sweep, self._measure_lag, self._watch, self._weigh]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            self.pool.sweep(now)
            self._leaving = [port for port in self._leaving if port.connections]
            for port in (*self.ports.values(), *self._leaving):
                port.sweep(now)

    async def _measure_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(LAG_S)
            self.metrics.loop_lag(max(0.0, time.monotonic() - before - LAG_S))

    async def _weigh(self) -> None:
        while True:
            await asyncio.sleep(WEIGH_S)
            self.gateway.uses_memory(resident_bytes())

    async def _watch(self) -> None:
        while True:
            try:
                async with asyncio.timeout(WATCH_S):
                    await self._reload_asked.wait()
            except TimeoutError:
                if not self._files.changed():
                    continue
            self._reload_asked.clear()
            await self.reload()

    async def reload(self) -> None:
        """Load the configuration anew and swap to it, or refuse it whole and say why."""
        try:
            plan = await self._open_ports(self._moved(await self._with_fake(self._files.load())))
        except ConfigError as error:
            self._log.error("configuration refused, the old one stays", error=str(error))
            return
        self.gateway.swap(plan)
        self.pool.idle_timeout_s = plan.limits.pool_idle_timeout_s
        self._log.info("configuration reloaded", listeners=len(plan.listeners))

    # -- ending -------------------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        self.ready = False
        under_way = len(self.gateway.exchanges)
        self._log.info("draining", exchanges=under_way, timeout=f"{self._options.drain_timeout_s:g}s")
        for port in self.ports.values():
            port.drain()
        over = asyncio.Event()
        self.gateway.when_idle(over.set)
        self._when_killed = over.set
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain_timeout_s):
                await over.wait()
        cut = len(self.gateway.exchanges)
        self.gateway.cut_all(Outcome("drained", Unavailable("the server is shutting down")))
        for port in (*self.ports.values(), *self._leaving):
            await port.flushed(FLUSH_S)
        self._log.info("ended", cut=cut)


def _nothing() -> None: ...
