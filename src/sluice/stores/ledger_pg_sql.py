"""The tables of a ledger as PostgreSQL has them, and one transaction over them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sluice.gateway.money_ports import GROUPS, LOST, Admission, Claim, Opened, Settled
from sluice.stores import ledger_sql as sql

if TYPE_CHECKING:
    import asyncpg  # type: ignore[import-untyped]  # ships no types

ALONE = "SELECT pg_advisory_xact_lock(7233501)"
"""Who makes the tables is the only one; the number is ours."""

_TYPES = (("REAL", "DOUBLE PRECISION"), ("INTEGER", "BIGINT"), ("BLOB", "BYTEA"))


def _translated(statement: str) -> str:
    for theirs, ours in _TYPES:
        statement = statement.replace(f" {theirs}", f" {ours}")
    return statement


def _numbered(statement: str) -> str:
    """`?` as PostgreSQL counts them."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


SCHEMA = tuple(map(_translated, sql.SCHEMA))
OPEN, SETTLE, PEND = map(_numbered, (sql.OPEN, sql.SETTLE, sql.PEND))
ADD_KEY, REVOKE_KEY, BEAT, FORGET_OWNER = map(_numbered, (sql.ADD_KEY, sql.REVOKE_KEY, sql.BEAT, sql.FORGET_OWNER))

SWEEP = f"""WITH gone AS (DELETE FROM owners WHERE seen < $2 RETURNING owner),
    dead AS (DELETE FROM pending WHERE owner IN (SELECT owner FROM gone)
        OR owner NOT IN (SELECT owner FROM owners) RETURNING id)
    INSERT INTO settled SELECT o.id, $1, o.provider, o.model, o.input_tokens, o.output_tokens, 0, 0, 0, o.cost,
        'estimated', '{LOST}' FROM opened o JOIN dead ON dead.id = o.id ON CONFLICT DO NOTHING"""  # noqa: S608 - ours

_MISSING = """INSERT INTO spent (counter, ends, amount)
    SELECT counter, ends, 0 FROM unnest($1::text[], $2::bigint[]) AS t (counter, ends) ON CONFLICT DO NOTHING"""
_LOCK = "SELECT counter, amount FROM spent WHERE counter = ANY ($1::text[]) ORDER BY counter FOR UPDATE"
_UNPEND = "DELETE FROM pending WHERE id = ANY ($1::text[]) RETURNING id"
_CHANGE = """UPDATE spent SET amount = t.amount
    FROM unnest($1::text[], $2::bigint[]) AS t (counter, amount) WHERE spent.counter = t.counter"""


def spend(by: str) -> str:
    """Return the question after what was spent, grouped."""
    assert by in GROUPS
    group = {
        "day": "to_char(to_timestamp(o.at) AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        "provider": "coalesce(nullif(s.provider, ''), o.provider)",
        "model": "coalesce(nullif(s.model, ''), o.model)",
    }.get(by, f"o.{by}")
    return sql.SPEND.format(group=group, since="$1", until="$2")


class Book:
    """What one transaction reads and will write. Its counters are locked."""

    def __init__(self, amounts: dict[str, int], pending: set[str]) -> None:
        self._amounts, self._pending = amounts, pending
        self._changed: set[str] = set()
        self._opened: dict[str, Opened] = {}
        self._settled: list[Settled] = []

    def admit(self, opened: Opened, claims: Sequence[Claim]) -> Admission:
        used = tuple(self._amounts[claim.counter] for claim in claims)
        if any(claim.blocks and was >= claim.amount for claim, was in zip(claims, used, strict=True)):
            return Admission(False, used)
        for claim in claims:
            self._change(claim.counter, claim.reserve)
        self._opened[opened.id] = opened
        self._pending.add(opened.id)
        return Admission(True, used)

    def settle(self, settled: Settled) -> None:
        if settled.id in self._pending:
            self._pending.remove(settled.id)
            self._settled.append(settled)
            for counter, change in settled.changes:
                if counter in self._amounts:
                    self._change(counter, change)

    def _change(self, counter: str, by: int) -> None:
        self._amounts[counter] = max(0, self._amounts[counter] + by)
        self._changed.add(counter)

    async def write(self, db: "asyncpg.Connection", owner: str) -> None:
        if self._opened:
            await db.executemany(OPEN, [sql.opened_row(row) for row in self._opened.values()])
            open_still = [(row, owner) for row in self._opened if row in self._pending]
            await db.executemany(PEND, open_still)
        if self._settled:
            await db.executemany(SETTLE, [sql.settled_row(row) for row in self._settled])
        if self._changed:
            changed = sorted(self._changed)
            await db.execute(_CHANGE, changed, [self._amounts[counter] for counter in changed])


async def locked(db: "asyncpg.Connection", settles: Sequence[Settled], claims: Sequence[Claim]) -> Book:
    """Lock the counters that are touched, and take what is to be settled out of what is open."""
    ends = {claim.counter: claim.ends for claim in claims}
    if ends:
        names = sorted(ends)
        await db.execute(_MISSING, names, [ends[name] for name in names])
    counters = sorted({*ends, *(counter for each in settles for counter, _ in each.changes)})
    amounts = {str(row[0]): int(row[1]) for row in await db.fetch(_LOCK, counters)} if counters else {}
    pending = {str(row[0]) for row in await db.fetch(_UNPEND, [each.id for each in settles])} if settles else set()
    return Book(amounts, pending)
