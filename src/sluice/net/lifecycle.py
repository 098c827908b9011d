"""The process: start, ready, reload, drain, end.

    start ── bind everything ── ready ── serve ──SIGTERM──► not ready, no new work ── streams finish ──► exit 0
                                  │                                       └── deadline: cut as `drained` ──► exit 0
                                  └── SIGHUP or a changed file: load; a bad one is refused whole and the old one stays

A second SIGTERM or SIGINT ends at once. One of several workers gets its orders from the supervisor: `net/worker.py`.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

import msgspec

from sluice.config.exposure import Exposure
from sluice.config.observing_policy import labelled
from sluice.config.plan import Addresses, Plan
from sluice.config.rewire import with_fake_at
from sluice.errors import ConfigError, Unavailable
from sluice.net.assembly import Assembly
from sluice.net.descriptors import Descriptors
from sluice.net.files import ConfigFiles
from sluice.net.guest import Guest
from sluice.net.memory import Scales
from sluice.net.place import Alone, Place
from sluice.net.pool import SWEEP_S
from sluice.net.ports import GRACE_S, Ports
from sluice.net.side_doors import SideDoor, gateway_gauges, one_process_app, readiness_app, stats_app
from sluice.net.threads import apart
from sluice.net.watching import Lookout
from sluice.policies.cost import Prices
from sluice.registry import Registry
from sluice.relay.outcome import Outcome
from sluice.stores.prices import load_prices
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog, Threshold
from sluice.telemetry.report import Report

FLUSH_S = 1.0
"""How long the last bytes of the last answers may take to leave, even at the deadline."""
WEIGH_S = 0.25
"""How often the process's memory is looked at, if it has a mark."""
LAG_S = 0.1
"""How often the event loop's lag is measured."""
ALONE = Alone()


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line and the environment decide about a process."""

    addresses: Addresses
    exposure: Exposure = Exposure()
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
        place: Place = ALONE,
        invite: Callable[[Assembly], Awaitable[Guest]] | None = None,
    ) -> None:
        """`invite`: makes what is served beside the gateway, of its parts."""
        self._files = files
        self._options = options
        self._registry = registry
        self._report = report
        self._log = log
        self._start_fake = start_fake
        self._fake_port = 0
        self._place = place
        self._invite = invite
        self._guest: Guest | None = None
        self._descriptors = Descriptors(log)
        self._ports = Ports(options.exposure, options.port, place, metrics)
        self.metrics = metrics
        self.threshold: Threshold = log.threshold
        self.ready = False
        self.lookout: Lookout | None = None
        self.side_ports: dict[str, int] = {}
        self._stopping = asyncio.Event()
        self._over = asyncio.Event()
        """Nothing is under way any more, or nobody shall wait for it."""
        self._at_once = False
        """Nobody shall wait for it."""
        self._reload_asked = asyncio.Event()

    @property
    def plan(self) -> Plan:
        return self.gateway.active.plan

    async def run(self, plan: Plan, announce: Callable[["Process"], None]) -> int:
        """Serve until told to stop. `announce` is called once, when ready.

        Raises:
            ConfigError: an address cannot be bound, a certificate cannot be used, or somebody from outside could ask
                without a credential.
        """
        plan = await self._ours(plan)
        self._descriptors.raise_limit(plan)
        counters = self._place.counters(time.monotonic())
        assembly = Assembly(plan, registry=self._registry, report=self._report, log=self._log, counters=counters)
        self.pool, self.gateway, self._policies = assembly.pool, assembly.gateway, assembly.policies
        await self._policies.open(plan)
        self.gateway.swap(await self._ports.use(plan, self.gateway), self.gateway.active.prices)
        if self._place.shared or self._options.addresses.admin != "off":
            self.lookout = Lookout(self.gateway, self.metrics, self._report.look_back(), self._options.exposure)
        doors = self._side_doors()
        if not self._place.shared:
            self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks:
            for door in doors.values():
                tasks.create_task(door.serve(), name="side door")
            keepers = [tasks.create_task(keeper(), name=keeper.__name__) for keeper in self._keepers()]
            watch = tasks.create_task(self._watch(), name="watch")
            for door in doors.values():
                await door.started()
            await self._policies.ready()
            self.side_ports = {name: door.port for name, door in doors.items()}
            if self._invite is not None:
                self._guest = guest = await self._invite(assembly)
                tasks.create_task(guest.serve(), name="guest")
                await guest.started()
                self.side_ports["agents"] = guest.port
            self.ready = True
            announce(self)
            await self._stopping.wait()
            watch.cancel()  # also in the midst of a reload: a port that a new plan adds would take new work
            farewell = tasks.create_task(self._see_off(), name="farewell of the guest")
            await self._drain()
            await farewell  # what it does between two requests needs the gateway, too
            await self._ports.cut()  # who has not taken its last bytes: the books have it before they are closed
            self._report.flush()
            await self._policies.finish()
            for keeper_task in keepers:
                keeper_task.cancel()
            for door in doors.values():
                door.close()
        assembly.close()
        return 0

    # -- starting -----------------------------------------------------------------------------------------------------

    async def _ours(self, plan: Plan) -> Plan:
        """A plan as this process serves it."""
        plan = self._place.share(self._ports.moved(plan))
        if not plan.needs_fake:
            return plan
        self._fake_port = self._fake_port or await self._start_fake()
        return with_fake_at(plan, self._fake_port)

    def _side_doors(self) -> dict[str, SideDoor]:
        addresses = self._options.addresses
        rows = (
            ("admin", addresses.admin, one_process_app),
            ("stats", addresses.stats, stats_app),
            ("readiness", addresses.readiness, readiness_app),
        )
        return {name: SideDoor(app(self), address, name) for name, address, app in rows if address != "off"}

    # -- orders -------------------------------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.ask_reload)

    def stop(self) -> None:
        """Drain and end; the second time, end at once."""
        if self._stopping.is_set():
            self.end()
        self.drain()

    def drain(self) -> None:
        """Drain and end, however often this is said."""
        self._stopping.set()

    def end(self) -> None:
        """End at once: what is under way is cut."""
        self._at_once = True
        if self._guest is not None:
            self._guest.close()
        self._over.set()
        self._stopping.set()

    def ask_reload(self) -> None:
        self._reload_asked.set()

    async def exposition(self, accept: str) -> bytes:
        """The metrics as they are now, in the format that the Accept header prefers, without a stats door."""
        self.metrics.gateway = lambda: gateway_gauges(self.gateway, self.pool)
        self._report.flush()
        return (await self.metrics.rendered(accept))[1]

    # -- keeping ------------------------------------------------------------------------------------------------------

    def _keepers(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        watchers = [] if self.lookout is None else [self.lookout.keep_watch]
        return [self._sweep, self._measure_lag, self._weigh, *watchers, *self._policies.keepers()]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            self.pool.sweep(now)
            self._ports.sweep(now)
            self._descriptors.look(now)

    async def _measure_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(LAG_S)
            self.metrics.loop_lag(lag_s := max(0.0, time.monotonic() - before - LAG_S))
            if self.lookout is not None:
                self.lookout.recent.lag(lag_s)

    async def _weigh(self) -> None:
        scales = Scales(time.monotonic)
        while True:
            await asyncio.sleep(WEIGH_S)
            self.gateway.uses_memory(scales.weigh(idle=not self.gateway.exchanges))

    async def _watch(self) -> None:
        while True:
            await self._files.news(self._reload_asked)
            await self.reload()

    async def reload(self) -> None:
        """Load the configuration anew and swap to it, or refuse it whole and say why. If it is cancelled nothing
        has changed."""
        try:
            hangs = partial(self._log.warn, "a configuration file hangs; SIGHUP has all of them read anew")
            plan = await self._files.read(self._reload_asked, hangs)
        except Exception as error:
            self._refused(error)
            return
        try:
            plan = await self._ours(labelled(plan, self.plan))
            prices = Prices(await apart(partial(load_prices, plan.prices, self._registry)))
            await apart(partial(self._report.follow, plan))
            plan = await self._ports.use(plan, self.gateway)
        except Exception as error:
            self._files.refuse(error)
            self._refused(error)
            return
        news = [note for note in plan.notes if note not in self.plan.notes]  # at the start the banner says them
        self.gateway.swap(plan, prices)
        self.pool.idle_timeout_s = plan.limits.pool_idle_timeout_s
        for note in news:
            self._log.warn(note)
        self._log.info("configuration reloaded", listeners=len(plan.listeners))

    def _refused(self, error: Exception) -> None:
        """Say why. A fault of ours in what is new, which has a traceback, ends none of the streams that run."""
        if self._files.said_before:
            return
        if isinstance(error, ConfigError):
            self._log.error("configuration refused, the old one stays", error=str(error))
        else:
            self._log.error("configuration refused, the old one stays", cause=error)

    # -- ending -------------------------------------------------------------------------------------------------------

    async def _see_off(self) -> None:
        if self._guest is not None:
            await self._guest.drain(self._options.drain_timeout_s)

    async def _drain(self) -> None:
        self.ready = False
        under_way = len(self.gateway.exchanges)
        deadline = time.monotonic() + self._options.drain_timeout_s
        self._log.info("draining", exchanges=under_way, timeout=f"{self._options.drain_timeout_s:g}s")
        self._place.drains()
        await self._ports.drain(lambda: 0.0 if self._at_once else deadline)
        flush_s = FLUSH_S if self.gateway.exchanges else FLUSH_S - GRACE_S  # the last stream has ended before this
        self.gateway.when_idle(self._over.set)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._over.wait()
        cut = len(self.gateway.exchanges)
        self.gateway.cut_all(Outcome("drained", Unavailable("the server is shutting down")))
        await self._ports.flushed(flush_s, lambda: 0.0 if self._at_once else deadline)
        self._log.info("ended", cut=cut)
