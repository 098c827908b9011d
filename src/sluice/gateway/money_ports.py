"""Where money is written down, as the gateway sees it: a ledger and the keys that it knows. Implemented by `stores`.

A ledger is append-only. A row is begun when a request is admitted, with what it may come to, and settled by a second
one when it is over. One that is never settled, because its process died, counts as what it had reserved.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sluice.policies.charge import Provenance

HEARTBEAT_S = 5.0
"""How often who writes says that it lives."""
DEAD_S = 3 * HEARTBEAT_S
"""After so long without a word the open rows of a process are settled as estimated."""
LOST = "lost"
"""The outcome of an exchange whose process died."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is admitted. Never a secret, never a prompt."""

    id: str
    """Ours, and unique; a request id may be the client's."""
    at: float
    """Seconds since 1970."""
    request_id: str = ""
    principal: str = ""
    key_id: str = ""
    team: str = ""
    route: str = ""
    provider: str = ""
    model: str = ""
    input_tokens: int = 0
    """What it may come to, as all three."""
    output_tokens: int = 0
    cost: int = 0
    """Picodollars."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a request reserves of one budget, in the budget's unit."""

    counter: str
    """Names the budget, the value of its key and the period: the same in all processes."""
    ends: int
    """When nobody asks for the counter any more; seconds since 1970."""
    amount: int
    """The budget."""
    reserve: int
    blocks: bool = True


class Admission(msgspec.Struct, frozen=True):
    """All claims were granted, or none."""

    admitted: bool
    used: tuple[int, ...] = ()
    """Of each claim, what was spent and reserved before."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange came to. Only the first one of an id counts."""

    id: str
    at: float
    provider: str = ""
    model: str = ""
    """As the provider calls it."""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0
    """Picodollars."""
    provenance: Provenance = "none"
    outcome: str = ""
    changes: tuple[tuple[str, int], ...] = ()
    """Counters, and by how much each differs from what was reserved."""


class LedgerGone(Exception):
    """The ledger cannot be written."""


class Ledger(Protocol):
    """Where it is written down. Never blocks the event loop."""

    async def admit(self, opened: Opened, claims: Sequence[Claim]) -> Admission:
        """Grant all claims and begin a row, or do neither: one step, whoever else does the same. What is granted is
        written when this returns: it survives the death of this process.

        A claim that blocks is granted while less than its amount is used.

        Raises:
            LedgerGone: it cannot be written; nothing was. Within a second.
        """
        ...

    def settle(self, settled: Settled) -> None:
        """Settle a row: soon, or when the ledger can be written again."""
        ...


class VirtualKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was made by `sluice keys create`. The key itself is nowhere."""

    id: str
    digest: bytes
    """SHA-256."""
    name: str = ""
    team: str = ""
    metadata: dict[str, str] = {}
    allowed_models: tuple[str, ...] = ()
    budget_unit: str = ""
    """`usd`, `tokens`; empty = it has none."""
    budget_amount: int = 0
    budget_period: str = ""
    created_at: float = 0.0
    revoked_at: float | None = None


class Spend(msgspec.Struct, frozen=True):
    """What was spent, for one value of what it is grouped by."""

    group: str
    requests: int
    open: int
    """Of them, not settled; they count as what they reserved."""
    input_tokens: int
    output_tokens: int
    cost: int
    """Picodollars."""


class KeyStore(Protocol):
    """The keys."""

    async def keys(self) -> tuple[VirtualKey, ...]:
        """
        Raises:
            LedgerGone: they cannot be read.
        """
        ...

    async def keys_version(self) -> int:
        """Return a number that is another one after each change of the keys. Cheap.

        Raises:
            LedgerGone: it cannot be read.
        """
        ...

    async def add_key(self, key: VirtualKey) -> None:
        """
        Raises:
            LedgerGone: it cannot be written.
        """
        ...

    async def revoke_key(self, id: str, at: float) -> bool:  # noqa: A002 - the word for it
        """Return whether there was such a key that was not revoked.

        Raises:
            LedgerGone: it cannot be written.
        """
        ...

    async def spend(self, by: str, since: float, until: float) -> tuple[Spend, ...]:
        """Return what was spent on requests admitted in a time, the most expensive group first. `by`: one of GROUPS.

        Raises:
            LedgerGone: it cannot be read.
        """
        ...


GROUPS = ("key_id", "team", "model", "principal", "route", "provider", "day")


class Books(Ledger, KeyStore, Protocol):
    """A store that is both, as it is opened. `keep` runs as long as it is used."""

    async def open(self) -> None:
        """Connect, and make what is missing. Settle the rows of processes that died.

        Raises:
            LedgerGone: it cannot be opened.
        """
        ...

    async def keep(self) -> None:
        """Say that this process lives, again and again, and settle for those that do not."""
        ...

    async def close(self) -> None:
        """Write what is owed, and let go."""
        ...
