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

import msgspec

from sluice.config.ledger_url import PostgresUrl
from sluice.gateway.money_ports import (
    DEAD_S,
    HEARTBEAT_S,
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

if TYPE_CHECKING:
    import asyncpg  # type: ignore[import-untyped]

T = TypeVar("T")
MAX_WAITING = 10_000
MAX_OWED = 100_000
"""As of SQLite's."""
DEADLINE_S = 1.0
CONNECT_S = 3.0
PAUSE_S = 0.5
"""How long it is not tried again after there was no connection."""


class _Admit(msgspec.Struct):
    opened: Opened
    claims: Sequence[Claim]
    future: asyncio.Future[Admission]


class _Do(msgspec.Struct):
    run: Callable[["asyncpg.Connection"], Awaitable[object]]
    future: asyncio.Future[object]


_Job = _Admit | Settled | _Do


class PostgresLedger:
    """One per process. `open` first, `close` last; `keep` runs in between."""

    def __init__(self, url: PostgresUrl, *, wall: Callable[[], float] = time.time) -> None:
        self._url, self._wall = url, wall
        self._owner = os.urandom(8).hex()
        self._db: asyncpg.Connection | None = None
        self._jobs: list[_Job] = []
        self._owed: list[Settled] = []
        self._wake = asyncio.Event()
        self._waiting = 0
        self._gone_until = 0.0
        self._over = False
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._over = False
        self._task = asyncio.create_task(self._write(), name="ledger in PostgreSQL")
        try:
            await self._do(self._made)
        except LedgerGone:
            await self.close()
            raise

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            with contextlib.suppress(LedgerGone):
                await self._do(self._beat)

    async def close(self) -> None:
        if self._task is not None:
            with contextlib.suppress(LedgerGone):
                await self._do(lambda db: db.execute(pg.FORGET_OWNER, self._owner))
            self._over = True
            self._wake.set()
            await self._task
            self._task = None

    # -- gateway.money_ports.Ledger -----------------------------------------------------------------------------------

    async def admit(self, opened: Opened, claims: Sequence[Claim]) -> Admission:
        if self._waiting >= MAX_WAITING:
            raise LedgerGone("the ledger does not keep up")
        job = _Admit(opened, claims, asyncio.get_running_loop().create_future())
        self._waiting += 1
        self._give(job)
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await job.future
        except BaseException as error:  # if it is written all the same, the request came to nothing
            changes = tuple((claim.counter, -claim.reserve) for claim in claims)
            self._give(Settled(id=opened.id, at=self._wall(), outcome="client_gone", changes=changes))
            if isinstance(error, TimeoutError):
                raise LedgerGone("the ledger does not answer in time") from None
            raise
        finally:
            self._waiting -= 1

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

    async def revoke_key(self, id: str, at: float) -> bool:  # noqa: A002
        done: object = await self._do(lambda db: db.execute(pg.REVOKE_KEY, at, id))
        return done == "UPDATE 1"

    async def spend(self, by: str, since: float, until: float) -> tuple[Spend, ...]:
        async def read(db: "asyncpg.Connection") -> tuple[Spend, ...]:
            rows = await db.fetch(pg.spend(by), since, until)
            return tuple(Spend(str(row[0]), *(int(number) for number in tuple(row)[1:])) for row in rows)

        return await self._do(read)

    # -- asking -------------------------------------------------------------------------------------------------------

    def _give(self, job: _Job) -> None:
        self._jobs.append(job)
        self._wake.set()

    async def _do(self, run: Callable[["asyncpg.Connection"], Awaitable[T]]) -> T:
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._give(_Do(run, future))
        return cast(T, await future)

    # -- the writer ---------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Carry out what was asked for, in its order, until it is over."""
        while not self._over or self._jobs:
            await self._wake.wait()
            self._wake.clear()
            jobs, self._jobs = self._jobs, []
            rows = [job for job in jobs if not isinstance(job, _Do)]
            if rows or self._owed:
                await self._try(lambda db, rows=rows: self._round(db, rows), rows)  # type: ignore[misc]
            for job in jobs:
                if isinstance(job, _Do):
                    await self._try(lambda db, job=job: self._one(db, job), [job])  # type: ignore[misc]
        if self._db is not None:
            with contextlib.suppress(Exception):  # whatever it says: nothing is owed any more
                await self._db.close(timeout=CONNECT_S)
            self._db = None

    async def _try(self, what: Callable[["asyncpg.Connection"], Awaitable[None]], jobs: Sequence[_Job]) -> None:
        try:
            await what(await self._connected())
        except Exception as error:  # asyncpg has many, and each means the same: it is not written
            if self._db is not None and self._db.is_closed():
                self._db = None
            gone = error if isinstance(error, LedgerGone) else LedgerGone(f"PostgreSQL: {error}")
            for job in jobs:
                if isinstance(job, Settled):
                    self._owed.append(job)
                elif not job.future.done():
                    job.future.set_exception(gone)
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
                self._db = await asyncpg.connect(self._url.dsn.reveal(), timeout=CONNECT_S, command_timeout=CONNECT_S)
            except Exception:
                self._gone_until = loop.time() + PAUSE_S
                raise LedgerGone(f"PostgreSQL: {self._url.label} cannot be reached") from None  # it may quote the DSN
        return self._db

    async def _one(self, db: "asyncpg.Connection", job: _Do) -> None:
        async with db.transaction():
            result = await job.run(db)
        if not job.future.done():
            job.future.set_result(result)

    async def _round(self, db: "asyncpg.Connection", rows: list[_Admit | Settled]) -> None:
        owed = self._owed
        told: list[tuple[_Admit, Admission]] = []
        async with db.transaction():
            book = await pg.locked(db, [*owed, *(row for row in rows if isinstance(row, Settled))], _claims(rows))
            for row in (*owed, *rows):
                if isinstance(row, Settled):
                    book.settle(row)
                else:
                    told.append((row, book.admit(row.opened, row.claims)))
            await book.write(db, self._owner)
        self._owed = []
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


def _claims(rows: Sequence[_Admit | Settled]) -> list[Claim]:
    return [claim for row in rows if isinstance(row, _Admit) for claim in row.claims]
