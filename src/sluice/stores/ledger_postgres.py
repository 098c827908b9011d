"""The ledger in PostgreSQL, for several machines. Implements `gateway.money_ports.Books`.

One connection writes. What one turn of the event loop asks for, and what gathers while a transaction is under way, is
one transaction of a few statements, however many requests it has. It locks the counters that it touches, in the order
of their names: budgets hold between machines, and no two transactions wait for each other.
Needs asyncpg (the extra `postgres`), which is imported when the first connection is made.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from sluice.config.ledger_url import PostgresUrl
from sluice.gateway.money_ports import (
    DEAD_S,
    Admission,
    Claim,
    LedgerGone,
    Opened,
    Settled,
    Spend,
    VirtualKey,
)
from sluice.stores import ledger_pg_sql as pg
from sluice.stores import ledger_sql as sql
from sluice.stores.background import Background
from sluice.stores.ledger_desk import DO_S, MAX_OWED, PATIENCE_S, Admit, Desk, Do, Job, beats

if TYPE_CHECKING:
    import asyncpg  # type: ignore[import-untyped]  # ships no types

T = TypeVar("T")
CONNECT_S = 3.0
PAUSE_S = 0.5
"""How long it is not tried again after there was no connection."""
STILL_S = 0.5
"""A gateway that stands still in the middle of a transaction has it taken from it after this time. The counters that it
locked are free again before those who wait for them give up (`ledger_desk.DEADLINE_S`)."""
_STILL = f"SET idle_in_transaction_session_timeout = {STILL_S * 1000:.0f}"


_Run = Callable[["asyncpg.Connection"], Awaitable[object]]
_Job = Job[_Run]


class PostgresLedger:
    """One per process. `open` first, `close` last; `keep` runs in between."""

    def __init__(self, url: PostgresUrl, *, wall: Callable[[], float] = time.time) -> None:
        self._url, self._wall = url, wall
        self._owner = os.urandom(8).hex()
        self._db: asyncpg.Connection | None = None
        self._jobs: list[_Job] = []
        self._owed: list[Settled] = []
        self._wake = asyncio.Event()
        self._gone_until = 0.0
        self._over = False
        self._desk: Desk[_Run] = Desk(self._give, wall)
        self._writer = Background()

    async def open(self) -> None:
        self._over = False
        await self._writer.start(self._write(), "ledger in PostgreSQL")
        try:
            await self._do(self._made, within_s=PATIENCE_S)
        except LedgerGone:
            await self.close()
            raise

    async def keep(self) -> None:
        await beats(lambda: self._do(self._beat))

    async def close(self) -> None:
        if self._writer.runs:
            with contextlib.suppress(LedgerGone):
                await self._do(lambda db: db.execute(pg.FORGET_OWNER, self._owner))
            self._over = True
            self._wake.set()
            await self._writer.ended()

    # -- gateway.money_ports.Ledger -----------------------------------------------------------------------------------

    async def admit(self, opened: Opened, claims: Sequence[Claim]) -> Admission:
        return await self._desk.admit(opened, claims)

    def settle(self, settled: Settled) -> None:
        self._give(settled)

    # -- gateway.money_ports.KeyStore ---------------------------------------------------------------------------------

    async def keys(self) -> tuple[VirtualKey, ...]:
        async def read(db: "asyncpg.Connection") -> tuple[VirtualKey, ...]:
            return tuple(sql.key_of(tuple(row)) for row in await db.fetch(sql.KEYS))

        return await self._do(read)

    async def keys_version(self) -> int:
        return await self._do(lambda db: cast("Awaitable[int]", db.fetchval(sql.KEYS_VERSION)))

    async def add_key(self, key: VirtualKey) -> None:
        await self._do(lambda db: db.execute(pg.ADD_KEY, *sql.row_of(key)))

    async def revoke_key(self, id: str, at: float) -> bool:  # noqa: A002 - the field's name
        done: object = await self._do(lambda db: db.execute(pg.REVOKE_KEY, at, id))
        return done == "UPDATE 1"

    async def spend(self, by: str, since: float, until: float) -> tuple[Spend, ...]:
        async def read(db: "asyncpg.Connection") -> tuple[Spend, ...]:
            rows = await db.fetch(pg.spend(by), since, until)
            return tuple(Spend(str(row[0]), *(int(number) for number in tuple(row)[1:])) for row in rows)

        return await self._do(read, within_s=PATIENCE_S)

    # -- asking -------------------------------------------------------------------------------------------------------

    def _give(self, job: _Job) -> None:
        self._jobs.append(job)
        self._wake.set()

    async def _do(self, run: Callable[["asyncpg.Connection"], Awaitable[T]], *, within_s: float = DO_S) -> T:
        return cast(T, await self._desk.do(run, within_s=within_s))

    # -- the writer ---------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Carry out what was asked for, in its order, until it is over."""
        while not self._over or self._jobs:
            await self._wake.wait()
            self._wake.clear()
            jobs, self._jobs = self._jobs, []
            rows = [job for job in jobs if not isinstance(job, Do)]
            if rows or self._owed:
                owed, self._owed = self._owed, []
                await self._rows([*owed, *rows])
            for job in jobs:
                if isinstance(job, Do) and not job.future.done():
                    error = await self._try(lambda db, job=job: self._one(db, job))  # type: ignore[misc]  # a lambda's default has no type
                    self._failed(error, [job])
        if self._db is not None:
            with contextlib.suppress(Exception):  # whatever it says: nothing is owed any more
                await self._db.close(timeout=CONNECT_S)
            self._db = None

    async def _rows(self, rows: Sequence[Admit | Settled]) -> None:
        """Write them in one transaction. One that can never be written is no reason not to write the others."""
        error = await self._try(lambda db: self._round(db, rows))
        if not _is_of_a_row(error):
            self._failed(error, rows)
        elif len(rows) > 1:
            for row in rows:
                await self._rows([row])
        else:  # a settlement stays what it had reserved
            self._failed(error, [row for row in rows if isinstance(row, Admit)])

    async def _try(self, what: Callable[["asyncpg.Connection"], Awaitable[None]]) -> Exception | None:
        """Return why it is not carried out; None = it is."""
        try:
            await what(await self._connected())
        except Exception as error:  # asyncpg has many
            if self._db is not None and self._db.is_closed():
                self._db = None
            return error
        return None

    def _failed(self, error: Exception | None, jobs: Sequence[_Job]) -> None:
        if error is None:
            return
        for job in jobs:
            if isinstance(job, Settled):
                self._owed.append(job)
            elif not job.future.done():
                job.future.set_exception(error if isinstance(error, LedgerGone) else LedgerGone(f"PostgreSQL: {error}"))
        del self._owed[:-MAX_OWED]

    async def _connected(self) -> "asyncpg.Connection":
        loop = asyncio.get_running_loop()
        if self._db is None or self._db.is_closed():
            if loop.time() < self._gone_until:
                raise LedgerGone("PostgreSQL: there is no connection")
            try:
                import asyncpg
            except ImportError:
                raise LedgerGone("asyncpg is not installed: pip install 'sluice-ai[postgres]'") from None
            try:
                db = await asyncpg.connect(self._url.dsn.reveal(), timeout=CONNECT_S, command_timeout=CONNECT_S)
                await db.execute(_STILL)
                self._db = db
            except Exception:
                self._gone_until = loop.time() + PAUSE_S
                raise LedgerGone(f"PostgreSQL: {self._url.label} cannot be reached") from None  # it may quote the DSN
        return self._db

    async def _one(self, db: "asyncpg.Connection", job: Do[_Run]) -> None:
        async with db.transaction():
            result = await job.run(db)
        if not job.future.done():
            job.future.set_result(result)

    async def _round(self, db: "asyncpg.Connection", rows: Sequence[Admit | Settled]) -> None:
        told: list[tuple[Admit, Admission]] = []
        async with db.transaction():
            book = await pg.locked(db, [row for row in rows if isinstance(row, Settled)], _claims(rows))
            for row in rows:
                if isinstance(row, Settled):
                    book.settle(row)
                else:
                    told.append((row, book.admit(row.opened, row.claims)))
            await book.write(db, self._owner)
        for job, admission in told:
            if not job.future.done():
                job.future.set_result(admission)

    async def _made(self, db: "asyncpg.Connection") -> None:
        await db.execute(pg.ALONE)
        for statement in pg.SCHEMA:
            await db.execute(statement)
        await self._beat(db)

    async def _beat(self, db: "asyncpg.Connection") -> None:
        now = self._wall()
        await db.execute(pg.BEAT, self._owner, now)
        await db.execute(pg.SWEEP, now, now - DEAD_S)
        await db.execute("DELETE FROM spent WHERE ends < $1", int(now) - 2 * 86_400)


def _is_of_a_row(error: Exception | None) -> bool:
    """Whether it says that a value has no place in a table, which it never will."""
    if error is None or isinstance(error, LedgerGone):
        return False
    import asyncpg

    return isinstance(error, asyncpg.DataError)


def _claims(rows: Sequence[Admit | Settled]) -> list[Claim]:
    return [claim for row in rows if isinstance(row, Admit) for claim in row.claims]
