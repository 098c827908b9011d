"""The gateway, in this process, on a port of its own, with everything that it says about itself."""

import asyncio
import contextlib
import re
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from sluice.config.plan import Plan
from sluice.gateway.gateway import Gateway
from sluice.gateway.money_ports import Books
from sluice.net.listener import Port
from sluice.net.pool import Pool
from sluice.net.services import PolicyServices
from sluice.net.signing import CloudSigner
from sluice.policies.cost import Prices
from sluice.registry import Registry
from sluice.relay.record import ExchangeRecord
from sluice.standard import STANDARD
from sluice.stores.ledger_sqlite import SqliteLedger
from sluice.stores.limits_memory import MemoryCounters
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.report import Report
from tests.support.plans import listening_on
from tests.support.raw_client import RawClient
from tests.support.waiting import until

SWEEP_S = 0.02
"""How often deadlines are swept; the process does it once a second, which no test needs to wait for."""


class Heard:
    """Implements `gateway.Telemetry`: the real report, and a memory."""

    def __init__(self) -> None:
        self.metrics = Metrics("agentgateway_", "test")
        self.records: list[ExchangeRecord] = []
        self.lines: deque[bytes] = deque(maxlen=1000)
        """The access log and the process log, the last lines of them."""
        self.faults: list[BaseException] = []
        self.rested: list[tuple[str, float]] = []
        log = ProcessLog(self.lines.append, "json")
        loop = asyncio.get_running_loop()
        self.log = log
        self.report = Report(AccessLog(self.lines.append, "json"), self.metrics, log, loop.call_soon)
        self.flush = self.report.flush
        """Call it before looking at the lines or the metrics."""

    def record(self, record: Callable[[], ExchangeRecord]) -> None:
        built = record()
        self.records.append(built)
        self.report.record(lambda: built)

    def stream_began(self) -> None:
        self.report.stream_began()

    def stream_ended(self) -> None:
        self.report.stream_ended()

    def memory(self, resident_bytes: int, mark_bytes: int) -> None:
        self.report.memory(resident_bytes, mark_bytes)

    def rests(self, target: str, seconds: float) -> None:
        self.rested.append((target, seconds))
        self.report.rests(target, seconds)

    def fault(self, error: BaseException) -> None:
        self.faults.append(error)
        self.report.fault(error)


class Serving:
    """A gateway at `port`. Its faults must be taken out of `heard.faults` by the test that provokes them."""

    def __init__(self, plan: Plan, *, registry: Registry = STANDARD) -> None:
        self.heard = Heard()
        self.pool = Pool()
        self.heard.report.shows(self.pool.numbers)
        self._plan = plan
        self._left = contextlib.ExitStack()
        signer = CloudSigner(time.time)
        self._policies = PolicyServices(
            upstream=self.pool,
            signer=signer,
            counters=MemoryCounters(),
            store=plan.store,
            books=self._books(plan),
            report=self.heard.report,
            log=self.heard.log,
        )
        self.gateway = Gateway(
            plan,
            prices=Prices(None),
            upstream=self.pool,
            signer=signer,
            services=self._policies.services,
            telemetry=self.heard,
            registry=registry,
            clock=time.monotonic,
            wall=time.time,
        )
        self._port = Port(0, self.gateway, self.heard.metrics, time.monotonic)
        self._sweeper: asyncio.TimerHandle | None = None

    def _books(self, plan: Plan) -> Books | None:
        """A ledger that nobody else has, if budgets need one."""
        if not any(entry.rule.budgets for listener in plan.listeners for entry in listener.entries):
            return None
        folder = tempfile.TemporaryDirectory(prefix="ledger-")
        self._left.callback(folder.cleanup)
        return SqliteLedger(str(Path(folder.name) / "ledger.db"))

    async def start(self) -> None:
        await self._policies.open(self._plan)
        self._port.use(self._plan.listeners, self._plan.limits)
        await self._port.open(["127.0.0.1"])
        self.use(self._plan)
        self._sweep()

    def use(self, plan: Plan, prices: Prices | None = None) -> None:
        """Swap to another plan. `prices` None = those that are in force."""
        self._plan = listening_on(plan, self.port)
        self._port.use(self._plan.listeners, self._plan.limits)
        self.pool.idle_timeout_s = plan.limits.pool_idle_timeout_s
        self.gateway.swap(self._plan, self.gateway.active.prices if prices is None else prices)

    def _sweep(self) -> None:
        now = time.monotonic()
        self._port.sweep(now)
        self.pool.sweep(now)
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    async def close(self) -> None:
        """Cut everything. Fails if the gateway had a fault that nobody asked for, or forgot an exchange."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._port.close()
        await until(lambda: not self.gateway.exchanges and not self._port.connections)
        self.heard.flush()
        await self._policies.finish()
        self._policies.close()
        self.pool.close()
        self._left.close()
        assert not self.heard.faults, self.heard.faults

    # -- asking it ----------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self._port.number

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def client(self, *, receive_buffer: int = 0) -> RawClient:
        return await RawClient.connect(self.port, receive_buffer=receive_buffer)

    @property
    def open_clients(self) -> int:
        return len(self._port.connections)

    @property
    def records(self) -> list[ExchangeRecord]:
        return self.heard.records

    async def record(self, number: int = 1) -> ExchangeRecord:
        """Wait until there are `number` records, no more and no less, and return the last."""
        await until(lambda: len(self.records) >= number)
        assert len(self.records) == number, [(r.path, r.status, r.outcome) for r in self.records]
        return self.records[-1]

    def log_lines(self) -> list[dict[str, object]]:
        """The access log's lines, decoded."""
        self.heard.flush()
        lines = [msgspec.json.decode(line, type=dict[str, object]) for line in self.heard.lines]
        return [line for line in lines if line.get("scope") == "request"]

    def exposition(self) -> str:
        """What /metrics says."""
        self.heard.flush()
        return self.heard.metrics.render("")[1].decode()

    def metric(self, name: str, *labels: str) -> float:
        """The sum of a metric's samples whose labels contain each of `labels`, as `key="value"`."""
        pattern = re.compile(rf"^agentgateway_{name}(?:{{(.*)}})? (\S+)$", re.MULTILINE)
        found = [m for m in pattern.finditer(self.exposition()) if all(text in (m[1] or "") for text in labels)]
        return sum(float(m[2]) for m in found)
