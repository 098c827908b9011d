"""What policies need that outlives an exchange, put together for one process."""

import time
from collections.abc import Callable, Coroutine

from sluice.config.store_url import RedisUrl
from sluice.gateway.access import AccessControl
from sluice.gateway.judging import Judges
from sluice.gateway.limits import Limiter
from sluice.gateway.limits_ports import Counters
from sluice.gateway.mirroring import Mirrors
from sluice.gateway.policing import Services
from sluice.gateway.ports import Signer, Upstream
from sluice.net.rate_limit_service import RateLimitServices
from sluice.net.reach import LiteralReach
from sluice.net.texts import TextReader
from sluice.stores.limits_redis import RedisCounters
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.report import Report

Keeper = Callable[[], Coroutine[None, None, None]]
FINISH_S = 0.25
"""How long the last words to a store or a service may take: a process ends within a second of its last stream."""
STORE_READY_S = 2.0
"""How long the start waits for the shared store: what comes before is refused, or let pass, as the policies say."""


class PolicyServices:
    """All of them. `keepers` run as long as the process; `close` gives up what is under way."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        signer: Signer,
        counters: Counters,
        store: RedisUrl | None,
        report: Report,
        log: ProcessLog,
    ) -> None:
        """`counters`: of this machine. `store`: of all replicas; None = there is none."""
        reach = LiteralReach(upstream)
        self._redis = None if store is None else RedisCounters(store, lambda what, why: _say(log, store, what, why))
        self._limits = RateLimitServices()
        self.services = Services(
            access=AccessControl(
                upstream=reach, texts=TextReader(reach), clock=time.monotonic, wall=time.time, failed=log.warn
            ),
            limiter=Limiter(
                here=counters, shared=self._redis, services=self._limits, clock=time.monotonic, watch=report
            ),
            judges=Judges(reach, signer),
            mirrors=Mirrors(upstream, signer, report.mirrored, report.fault),
        )

    def keepers(self) -> list[Keeper]:
        """Return what has to run all the while."""
        own = [self._limits.keep, self.services.limiter.keep]
        return own if self._redis is None else [*own, self._redis.keep]

    async def ready(self) -> None:
        """Wait a moment for the shared store. Its keeper must run."""
        if self._redis is not None:
            await self._redis.ready(STORE_READY_S)

    async def finish(self) -> None:
        """See to it that others know what was used, before the keepers end."""
        if self._redis is not None:
            await self._redis.finish(FINISH_S)
        await self._limits.finish(FINISH_S)

    def close(self) -> None:
        self.services.access.close()
        self.services.mirrors.close()
        self._limits.close()


def _say(log: ProcessLog, store: RedisUrl, what: str, why: str) -> None:
    if what == "there":
        log.info("the shared store is there", store=store.label)
    else:
        log.warn("the shared store is gone: its limits fail as their policies say", store=store.label, why=why)
