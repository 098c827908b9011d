"""The gateway: takes requests, knows every exchange under way, swaps the plan, and hears of every end.

It implements what the network calls (`ports.Handler`) and what an exchange needs (`exchange.World`).
"""

import random
from collections.abc import Callable
from typing import Protocol, cast

from sluice.config.plan import Plan
from sluice.dialects.dialect import Dialect
from sluice.errors import SluiceError
from sluice.gateway.active import ActivePlan
from sluice.gateway.exchange import Exchange
from sluice.gateway.ports import ClientStream, Clock, Request, Signer, Upstream
from sluice.gateway.world import Finished
from sluice.registry import Registry
from sluice.relay.outcome import Outcome
from sluice.relay.record import ExchangeRecord


class Telemetry(Protocol):
    """Who is told what happened. Must not raise, block or await."""

    def record(self, record: ExchangeRecord) -> None:
        """Exactly one per request."""
        ...

    def stream_began(self) -> None: ...

    def stream_ended(self) -> None: ...

    def fault(self, error: BaseException) -> None:
        """A fault of ours, with its traceback."""
        ...


class Gateway:
    """One per process. `clock` is monotonic, `wall` is seconds since 1970."""

    def __init__(
        self,
        plan: Plan,
        *,
        upstream: Upstream,
        signer: Signer,
        telemetry: Telemetry,
        registry: Registry,
        clock: Clock,
        wall: Callable[[], float],
        die: Callable[[], float] = random.random,
    ) -> None:
        self.active = ActivePlan(plan)
        self.upstream = upstream
        self.signer = signer
        self.clock = clock
        self.die = die
        self.exchanges: set[Exchange] = set()
        self._telemetry = telemetry
        self._dialects = {name: registry.get(name, Dialect) for name in registry.ids("dialect")}  # type: ignore[type-abstract]  # a protocol, checked at run time
        self.wall = wall
        self._idle: Callable[[], None] | None = None

    def swap(self, plan: Plan) -> None:
        """Use another plan for the exchanges that begin from now on. Those under way keep theirs."""
        self.active = ActivePlan(plan)

    # -- ports.Handler ------------------------------------------------------------------------------------------------

    def handle(self, request: Request, client: ClientStream) -> None:
        exchange = Exchange(self, self.active, request, client)
        self.exchanges.add(exchange)
        exchange.start()

    def refuse(self, error: SluiceError, request: Request, client: ClientStream) -> None:
        exchange = Exchange(self, self.active, request, client)
        self.exchanges.add(exchange)
        exchange.fail(error)

    def abandon(self, request: Request, client: ClientStream) -> None:
        exchange = Exchange(self, self.active, request, client)
        self.exchanges.add(exchange)
        exchange.abandon()

    # -- exchange.World -----------------------------------------------------------------------------------------------

    def dialect(self, module_id: str) -> Dialect:
        return self._dialects[module_id]

    def fault(self, error: BaseException) -> None:
        self._telemetry.fault(error)

    def stream_began(self) -> None:
        self._telemetry.stream_began()

    def stream_ended(self) -> None:
        self._telemetry.stream_ended()

    def finished(self, exchange: Finished, outcome: Outcome) -> None:
        self.exchanges.discard(cast(Exchange, exchange))
        record = exchange.account.record(outcome, now=self.clock(), wall=self.wall())
        if exchange.account.streaming and exchange.account.relay is not None:
            self._telemetry.stream_ended()
        self._telemetry.record(record)
        if self._idle is not None and not self.exchanges:
            self._idle()

    # -- draining -----------------------------------------------------------------------------------------------------

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once no exchange is under way, perhaps at once."""
        self._idle = call
        if not self.exchanges:
            call()

    def cut_all(self, outcome: Outcome) -> None:
        """End every exchange under way."""
        for exchange in list(self.exchanges):
            exchange.cut(outcome)
