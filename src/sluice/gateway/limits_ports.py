"""Where limits are counted, as the gateway sees it: this machine, all replicas, a service. Implemented by `stores` and
`net`, doubled by tests."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from sluice.policies.limiting import AtOnce, Rate, Remote
from sluice.policies.rate_limit import Cost
from sluice.wire.http1 import Header

HEARTBEAT_S = 2.0
"""How often who holds places says that it lives. After twice that without a word they are free."""


class Draw(msgspec.Struct, frozen=True):
    """What is taken out of one bucket. `key`: 16 bytes that name it, the same in all processes."""

    rate: Rate
    key: bytes
    cost: Cost


class Place(msgspec.Struct, frozen=True):
    """One exchange under way."""

    at_once: AtOnce
    key: bytes


Give = tuple[Draw, int]
"""Tokens that go back into a bucket; less than zero: they are taken, whatever is there."""


class Drawn(msgspec.Struct, frozen=True):
    """One bucket after it was asked. `wait_us`: of one that refused, until it would not; of others, until its next
    fill."""

    taken: int
    level: int
    wait_us: int
    refused: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """All that was asked for, or nothing of it."""

    admitted: bool
    drawn: tuple[Drawn, ...] = ()
    full: tuple[AtOnce, ...] = ()
    """Where no place was free."""


class Counters(Protocol):
    """The counters of one machine. Plain calls, a few microseconds each."""

    def take(self, draws: Sequence[Draw], places: Sequence[Place], now: float) -> Verdict:
        """Take out all of it, or nothing."""
        ...

    def put_back(self, gives: Sequence[Give], places: Sequence[Place], now: float) -> None:
        """Put tokens back, and leave places."""
        ...

    def beat(self, now: float) -> None:
        """This process lives. Called each HEARTBEAT_S."""
        ...


class StoreGone(Exception):
    """The shared store cannot be asked, or does not answer in time."""


class SharedCounters(Protocol):
    """The counters of all replicas. They have a clock of their own."""

    async def take(self, draws: Sequence[Draw], places: Sequence[Place]) -> Verdict:
        """Take out all of it, or nothing. If this is cancelled or fails, what was taken is put back.

        Raises:
            StoreGone: it cannot be asked; within 50 ms.
        """
        ...

    def more(self, draw: Draw, then: Callable[[int], None]) -> None:
        """Take more for a stream under way; `then` hears later how much it was, or never."""
        ...

    def put_back(self, gives: Sequence[Give], places: Sequence[Place]) -> None:
        """Put tokens back, and leave places: at once, or when the store is there again."""
        ...


class Hits(msgspec.Struct, frozen=True):
    """One descriptor with its values, for a service."""

    entries: tuple[tuple[str, str], ...]
    count: int
    """0 = only look."""
    override: tuple[int, int] | None = None
    """Requests per unit, and the unit as the protocol numbers it."""


class RemoteVerdict(msgspec.Struct, frozen=True):
    """What a service answered. `limits`: (limit, remaining, seconds until it begins anew) of each descriptor that has
    one."""

    admitted: bool
    limits: tuple[tuple[int, int, int], ...] = ()
    headers: tuple[Header, ...] = ()
    """For the answer."""
    request_headers: tuple[Header, ...] = ()
    """For the request to the backend."""
    message: str = ""


class ServiceGone(Exception):
    """A rate-limit service cannot be asked, or does not answer in time."""


class RateLimitServices(Protocol):
    """The way to rate-limit services."""

    async def ask(self, remote: Remote, hits: Sequence[Hits]) -> RemoteVerdict:
        """
        Raises:
            ServiceGone: it cannot be asked.
        """
        ...

    def report(self, remote: Remote, hits: Sequence[Hits]) -> None:
        """Tell what was used, later; the answer is of no interest."""
        ...


class LimitWatch(Protocol):
    """Who is told what the record of an exchange does not say. Must not raise, block or await."""

    def limited(self, limit: str) -> None:
        """This limit has refused an exchange, or cut it."""
        ...

    def failed_open(self, limit: str) -> None:
        """An exchange was admitted although this limit could not be asked."""
        ...
