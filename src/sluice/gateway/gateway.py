"""The gateway: takes requests, knows every exchange under way, swaps the plan, and hears of every end.

It implements what the network calls (`ports.Handler`) and what an exchange needs (`exchange.World`).
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from sluice.config.plan import Plan
from sluice.dialects.dialect import Dialect
from sluice.errors import Overloaded, SluiceError
from sluice.gateway.active import ActivePlan
from sluice.gateway.breakers import Breakers
from sluice.gateway.door import Door
from sluice.gateway.exchange import Exchange
from sluice.gateway.policing import Services
from sluice.gateway.ports import Bodies, ClientStream, Clock, Request, Signer, Upstream
from sluice.gateway.world import Finished
from sluice.policies.cost import Prices
from sluice.policies.streaming import Streaming
from sluice.registry import Registry
from sluice.relay.outcome import Outcome
from sluice.relay.record import ExchangeRecord

OVER_THE_MARK = 1.1
"""Of the memory mark: memory that was freed is not given back at once, and ending streams for it would be wrong."""


class Telemetry(Protocol):
    """Who is told what happened. Must not raise, block or await."""

    def record(self, record: Callable[[], ExchangeRecord]) -> None:
        """Exactly one per request. It is built when it is told, where that costs least; no fact changes until then."""
        ...

    def stream_began(self) -> None: ...

    def stream_ended(self) -> None: ...

    def rests(self, target: str, seconds: float) -> None:
        """A target's breaker has opened for so long."""
        ...

    def memory(self, resident_bytes: int, mark_bytes: int) -> None:
        """The process was weighed; a mark of 0 = there is none."""
        ...

    def fault(self, error: BaseException) -> None:
        """A fault of ours, with its traceback."""
        ...


class Gateway:
    """One per process. `clock` is monotonic, `wall` is seconds since 1970."""

    def __init__(
        self,
        plan: Plan,
        *,
        prices: Prices,
        upstream: Upstream,
        signer: Signer,
        services: Services,
        telemetry: Telemetry,
        registry: Registry,
        clock: Clock,
        wall: Callable[[], float],
        die: Callable[[], float] = random.random,
    ) -> None:
        self._breakers = Breakers()
        self.active = ActivePlan(plan, prices, self._breakers)
        self.upstream = upstream
        self.signer = signer
        self.services = services
        self.clock = clock
        self.die = die
        self.exchanges: set[Exchange] = set()
        self._telemetry = telemetry
        self._dialects = {name: registry.get(name, Dialect) for name in registry.ids("dialect")}  # type: ignore[type-abstract]  # a protocol, checked at run time
        self.wall = wall
        self._idle: Callable[[], None] | None = None
        self._door = Door(plan.admission, clock)
        self.reading_on = 0
        self.bodies = Bodies()

    def swap(self, plan: Plan, prices: Prices) -> None:
        """Use another plan and its prices for the exchanges that begin from now on. Those under way keep theirs."""
        self.active = ActivePlan(plan, prices, self._breakers)
        self._door.resize(plan.admission)

    # -- ports.Handler ------------------------------------------------------------------------------------------------

    def admits(self, body_bytes: int | None) -> bool:
        return self._door.has_room

    def handle(self, request: Request, client: ClientStream) -> None:
        exchange = self._exchange(request, client)
        self._door.enter(exchange, exchange.account.taken_at)

    def refuse(self, error: SluiceError, request: Request, client: ClientStream) -> None:
        self._exchange(request, client).fail(error)

    def abandon(self, request: Request, client: ClientStream) -> None:
        self._exchange(request, client).abandon()

    def _exchange(self, request: Request, client: ClientStream) -> Exchange:
        """Each request that the network hands over is one, whatever becomes of it: there is a record."""
        exchange = Exchange(self, self.active, request, client)
        self.exchanges.add(exchange)
        return exchange

    # -- exchange.World -----------------------------------------------------------------------------------------------

    def dialect(self, module_id: str) -> Dialect:
        return self._dialects[module_id]

    def fault(self, error: BaseException) -> None:
        self._telemetry.fault(error)

    def stream_began(self) -> None:
        self._telemetry.stream_began()

    def stream_ended(self) -> None:
        self._telemetry.stream_ended()

    def may_read_on(self, streaming: Streaming) -> bool:
        if streaming.on_disconnect == "cancel":
            return False
        if streaming.on_disconnect == "drain" and self.reading_on >= streaming.drain_concurrent:
            return False
        self.reading_on += 1
        return True

    def rests(self, target: str, seconds: float) -> None:
        self._telemetry.rests(target, seconds)

    def finished(self, exchange: Finished, outcome: Outcome, now: float) -> None:
        over = cast(Exchange, exchange)
        self.exchanges.discard(over)
        self._door.leave(over, now)
        if exchange.account.streaming and exchange.account.relay is not None:
            self._telemetry.stream_ended()
        account = over.account
        settle = partial(account.settled, outcome, self.fault, now=now, wall=self.wall())
        if over.observers is not None:
            settle = partial(over.observers.seen, account, settle, over.secrets, self.fault)
        self._telemetry.record(settle)
        if self._idle is not None and not self.exchanges:
            self._idle()

    @property
    def waiting(self) -> int:
        """Exchanges that wait for their turn."""
        return self._door.waiting

    # -- memory -------------------------------------------------------------------------------------------------------

    def uses_memory(self, resident_bytes: int) -> None:
        """Take note of how much memory the process holds: beyond its mark nobody is admitted, and while it stays a
        tenth above, the newest stream is ended."""
        mark = self.active.plan.admission.max_memory_bytes
        self._telemetry.memory(resident_bytes, mark)
        self._door.closed = bool(mark) and resident_bytes > mark
        if not mark or resident_bytes <= mark * OVER_THE_MARK:
            return
        streams = [exchange for exchange in self.exchanges if exchange.account.streaming]
        newest = max(streams, key=lambda exchange: exchange.account.taken_at, default=None)
        if newest is not None:
            newest.cut(Outcome("shed", Overloaded("This server is short of memory.")))

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
