"""What policies need that outlives an exchange, put together for one process."""

import random
import time
from collections.abc import Callable, Coroutine

from sluice.config.access_gaps import asks_for_keys
from sluice.config.plan import Plan
from sluice.config.store_url import RedisUrl
from sluice.errors import ConfigError
from sluice.gateway.access import AccessControl
from sluice.gateway.judging import Judges
from sluice.gateway.limits import Limiter
from sluice.gateway.limits_ports import Counters
from sluice.gateway.mirroring import Mirrors
from sluice.gateway.money import Money
from sluice.gateway.money_ports import Books, LedgerGone
from sluice.gateway.policing import Services
from sluice.gateway.ports import Signer, Upstream
from sluice.gateway.virtual_keys import KeyDirectory
from sluice.net.rate_limit_service import RateLimitServices
from sluice.net.texts import TextReader
from sluice.net.timed import Timed
from sluice.stores.limits_redis import RedisCounters
from sluice.telemetry.policy_names import BUDGET_USED
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
        books: Books | None = None,
        report: Report,
        log: ProcessLog,
    ) -> None:
        """`counters`: of this machine. `store`: of all replicas; None = there is none. `books`: where money is written
        down; None = nowhere."""
        self._redis = None if store is None else RedisCounters(store, lambda what, why: _say(log, store, what, why))
        self._limits = RateLimitServices(told=report.calls("Policy", "RateLimit"))
        self._log = log
        self._books = books
        self._keys = None if books is None else KeyDirectory(books, log.warn)
        self.services = Services(
            access=AccessControl(
                upstream=Timed(upstream, report.calls("Policy", "ExtAuthz")),
                texts=TextReader(upstream),
                clock=time.monotonic,
                wall=time.time,
                issued=_nobody if self._keys is None else self._keys.find,
                failed=log.warn,
            ),
            limiter=Limiter(
                here=counters, shared=self._redis, services=self._limits, clock=time.monotonic, watch=report
            ),
            judges=Judges(Timed(upstream, report.calls("Policy", "Guardrail")), signer),
            mirrors=Mirrors(
                Timed(upstream, report.calls("Mirror", "Http")),
                signer,
                report.mirrored,
                report.fault,
                models=Timed(upstream, report.calls("Mirror", "Llm")),
                seen=report.beside,
            ),
            money=Money(
                ledger=books,
                wall=time.time,
                new_id=lambda: f"{random.getrandbits(128):032x}",  # no secret; the kernel's chance would cost 10 us
                keys=self._keys,
                failed=log.warn,
            ),
        )

        report.shows({BUDGET_USED.name: self.services.money.used.shares})

    def keepers(self) -> list[Keeper]:
        """Return what has to run all the while."""
        own: list[Keeper] = [self._limits.keep, self.services.limiter.keep]
        own += [] if self._redis is None else [self._redis.keep]
        own += [] if self._books is None else [self._books.keep]
        return own if self._keys is None else [*own, self._keys.keep]

    async def open(self, plan: Plan) -> None:
        """Open the books.

        Raises:
            ConfigError: they cannot be opened.
        """
        if self._books is None or self._keys is None:
            return
        try:
            await self._books.open()
            await self._keys.load()
        except LedgerGone as error:
            raise ConfigError(f"the ledger cannot be opened: {error}") from None
        if len(self._keys) and not asks_for_keys(plan):
            self._log.warn("the ledger has virtual keys, and no route asks for one: whoever comes is let in")

    async def ready(self) -> None:
        """Wait a moment for the shared store. Its keeper must run."""
        if self._redis is not None:
            await self._redis.ready(STORE_READY_S)

    async def finish(self) -> None:
        """See to it that others know what was used, before the keepers end."""
        if self._redis is not None:
            await self._redis.finish(FINISH_S)
        await self._limits.finish(FINISH_S)
        if self._books is not None:
            await self._books.close()

    def close(self) -> None:
        self.services.access.close()
        self.services.mirrors.close()
        self._limits.close()


def _nobody(digest: bytes) -> None:
    """No key was issued."""


def _say(log: ProcessLog, store: RedisUrl, what: str, why: str) -> None:
    if what == "there":
        log.info("the shared store is there", store=store.label)
    else:
        log.warn("the shared store is gone: its limits fail as their policies say", store=store.label, why=why)
