"""What one process shows of itself on the admin address: its exchanges, what has just happened, its targets.

A keeper counts once a second, in O(exchanges) and 0.1 us each; all else is looked up when somebody asks.
"""

import asyncio
import time

from sluice.admin.live import Live
from sluice.admin.plan_map import PlanMap, plan_map
from sluice.config.exposure import Exposure
from sluice.gateway.gateway import Gateway
from sluice.gateway.watching import look, passed_on, targets
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.recent import Recent


class Lookout:
    """One per process. The process runs `keep_watch`."""

    def __init__(self, gateway: Gateway, metrics: Metrics, recent: Recent, exposure: Exposure) -> None:
        self.recent = recent
        self._gateway = gateway
        self._metrics = metrics
        self._exposure = exposure
        self._began = time.monotonic()
        self._counted = self._began
        self._plan = gateway.active
        self._plan_seen = _stamp()

    async def keep_watch(self) -> None:
        """Count at each full second."""
        last = 0
        while True:
            await asyncio.sleep(1.0 - time.time() % 1.0)
            at = time.time()
            if round(at) != last:  # timers fire a little early
                last = round(at)
                self.count(at)

    def count(self, at: float) -> None:
        """A second is over: `at`, since 1970."""
        gateway = self._gateway
        waiting = gateway.waiting
        open_tokens, first_s = passed_on(gateway, self._counted)
        self._counted = time.monotonic()
        self.recent.tick(
            at,
            exchanges=len(gateway.exchanges) - waiting,
            streams=self._metrics.streams_active,
            waiting=waiting,
            open_tokens=open_tokens,
            first_s=first_s,
        )

    def live(self, *, ready: bool, worker: int = 0) -> Live:
        """Return what is to be seen at this moment."""
        gateway, now, recent = self._gateway, time.monotonic(), self.recent
        if gateway.active is not self._plan:
            self._plan = gateway.active
            self._plan_seen = _stamp()
        phases, flights = look(gateway, now)
        return Live(
            at=round(time.time(), 3),
            worker=worker,
            ready=ready,
            plan=self._plan_seen,
            uptime_s=round(now - self._began, 1),
            phases={str(phase): count for phase, count in phases.items()},
            flights=flights,
            samples=list(recent.samples),
            ended=list(recent.ended),
            failed=list(recent.failed),
            targets=targets(gateway, now),
        )

    def plan_map(self) -> PlanMap:
        """Return who is asked for what."""
        plan = self._gateway.active.plan
        return plan_map(plan, self._exposure.places(plan))


def _stamp() -> int:
    """A number that no other plan has, of this process or of the one that takes its place."""
    return time.time_ns() // 1_000_000
