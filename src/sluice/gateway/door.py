"""Who may begin: admission to the process, and the queue before it.

Guarantee: see `policies.admission`. A client who leaves the queue leaves no trace but its record; one that waits too
long gets the answer of one for whom there was no room: 503 and when to come back.

Of those who come at once only some begin in one turn of the event loop: streams that are under way have their turn
between them. How much of what they say is read in one turn, see `net.turns`.
"""

import asyncio
from itertools import islice
from typing import Protocol

from sluice.gateway.ports import Clock
from sluice.policies.admission import Admission, Turnstile

_NEVER = float("inf")
AT_ONCE = 16
"""How many begin in one turn at most, some 2 ms."""
LEAST = 4
LONG_S = 0.010
"""Of a turn: half as many begin in the next one, and one more in each that is shorter."""


class Waiting(Protocol):
    """An exchange that has not begun."""

    admitted: bool

    def __hash__(self) -> int: ...

    def start(self) -> None:
        """Begin."""
        ...

    def shed(self) -> None:
        """There is no room."""
        ...


class Door:
    """One per process. `enter` once for each exchange, and `leave` once when it is over, whatever became of it."""

    def __init__(self, admission: Admission, clock: Clock) -> None:
        self._turnstile: Turnstile[Waiting] = Turnstile(admission)
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._at_once = AT_ONCE
        """How many may begin in a turn."""
        self._armed_at = 0.0
        """When the turn began."""
        self._begun = 0
        """In this turn of the event loop; as long as nobody has, no `_turn` follows."""
        self._next: dict[Waiting, None] = {}
        """Admitted: they begin in the turns that follow."""

    def enter(self, exchange: Waiting, now: float) -> None:
        """Start the exchange now, later, or refuse it."""
        verdict = self._turnstile.enter(exchange, now)
        if verdict == "in":
            self._admit(exchange)
        elif verdict == "refused":
            exchange.shed()
        else:
            self._arm(now)

    def leave(self, exchange: Waiting, now: float) -> None:
        """The exchange is over; those who waited for its place begin."""
        if not exchange.admitted:
            self._turnstile.gave_up(exchange)
            return
        if self._next:
            self._next.pop(exchange, None)
        for admitted in self._turnstile.leave(exchange, now):
            self._admit(admitted)

    def resize(self, admission: Admission) -> None:
        """Use other bounds from now on; who is in stays."""
        for admitted in self._turnstile.resize(admission):
            self._admit(admitted)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._arm(self._clock())

    @property
    def closed(self) -> bool:
        """Nobody is admitted."""
        return self._turnstile.closed

    @closed.setter
    def closed(self, closed: bool) -> None:
        self._turnstile.closed = closed

    @property
    def has_room(self) -> bool:
        """Whoever came now would not be refused."""
        return self._turnstile.has_room

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._turnstile.waiting

    def _arm(self, now: float) -> None:
        deadline = self._turnstile.deadline
        if self._timer is None and deadline != _NEVER:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline - now), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._clock()
        for exchange in self._turnstile.expired(now):
            exchange.shed()
        self._arm(now)

    # -- turns --------------------------------------------------------------------------------------------------------

    def _admit(self, exchange: Waiting) -> None:
        exchange.admitted = True
        if self._begun >= self._at_once:
            self._next[exchange] = None
            return
        if not self._begun:
            self._arm_turn()
        self._begun += 1
        exchange.start()

    def _arm_turn(self) -> None:
        self._armed_at = self._clock()
        asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Another turn of the event loop."""
        if self._clock() - self._armed_at > LONG_S:
            self._at_once = max(LEAST, self._at_once // 2)
        elif self._at_once < AT_ONCE:
            self._at_once += 1
        begin = list(islice(self._next, self._at_once)) if self._next else ()
        self._begun = len(begin)
        if begin:
            self._arm_turn()
        for exchange in begin:
            del self._next[exchange]
            exchange.start()
