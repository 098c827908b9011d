"""Runs in an SQL database, SQLite or PostgreSQL. Implements `agents.ports.Store`; what is special about each is its
engine."""

from collections.abc import Callable, Sequence

from sluice.runs.records import Run, RunStatus
from sluice.stores import runs_tables as sql
from sluice.stores.runs_engine import Engine, Value
from sluice.stores.runs_keys import decode_run, encode
from sluice.stores.runs_logged import LoggedRuns
from sluice.stores.runs_pen import MAX_WAITING_BYTES, Entry
from sluice.stores.runs_sql_items import SqlItems
from sluice.stores.runs_sql_threads import SqlThreads


class SqlRuns(LoggedRuns, SqlThreads, SqlItems):
    """One per process. `now` gives milliseconds since 1970."""

    def __init__(self, engine: Engine, now: Callable[[], int], *, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._db, self._now = engine, now
        super().__init__(max_waiting_bytes=max_waiting_bytes)

    async def open(self) -> None:
        await self._db.open(self._growth, self._heard)
        await self._begin()

    async def close(self) -> None:
        await self._end()
        await self._db.close()

    # -- log ----------------------------------------------------------------------------------------------------------

    async def read(self, run_id: str, after: int, limit: int) -> list[bytes]:
        return [bytes(row[0]) for row in await self._db.read(sql.READ, run_id, after, limit)]

    async def _write(self, group: Sequence[Entry]) -> None:
        await self._db.append(group)

    async def _last(self, run_id: str) -> int:
        rows = await self._db.read(sql.LAST, run_id)
        return int(rows[0][0]) if rows else 0

    # -- runs ---------------------------------------------------------------------------------------------------------

    async def create_run(self, run: Run) -> Run:
        key = (run.id, run.owner, run.agent, run.request_id)
        _, rows = await self._db.write((sql.CREATE_RUN, _row(run)), (sql.KEPT_RUN, key))
        return decode_run(rows[0][0])

    async def put_run(self, run: Run) -> None:
        await self._db.write((sql.PUT_RUN, _row(run)))

    async def get_run(self, run_id: str) -> Run | None:
        return await self._one(sql.GET_RUN, run_id)

    async def find_run(self, owner: str, request_id: str, agent: str = "") -> Run | None:
        if agent:
            return await self._one(sql.FIND_RUN_OF, owner, request_id, agent)
        return await self._one(sql.FIND_RUN, owner, request_id)

    async def list_runs(
        self, owner: str, thread_id: str, *, status: RunStatus | None = None, limit: int = 10, offset: int = 0
    ) -> list[Run]:
        if status is None:
            rows = await self._db.read(sql.LIST_RUNS, owner, thread_id, limit, offset)
        else:
            rows = await self._db.read(sql.LIST_RUNS_IN, owner, thread_id, status, limit, offset)
        return [decode_run(row[0]) for row in rows]

    async def live_runs(self) -> list[Run]:
        return [decode_run(row[0]) for row in await self._db.read(sql.LIVE_RUNS)]

    async def delete_run(self, run_id: str) -> None:
        self._pen.forget(run_id)
        await self._db.write((sql.DELETE_RUN, (run_id,)), (sql.FORGET_EVENTS, (run_id,)))

    async def _one(self, statement: str, *values: Value) -> Run | None:
        rows = await self._db.read(statement, *values)
        return decode_run(rows[0][0]) if rows else None

    # -- coordination -------------------------------------------------------------------------------------------------

    async def acquire(self, name: str, worker: str, now: int, until: int) -> bool:
        (rows,) = await self._db.write((sql.ACQUIRE, (name, worker, until, now)))
        return bool(rows)

    async def release(self, name: str, worker: str) -> None:
        await self._db.write((sql.RELEASE, (name, worker)))

    async def tell(self, topic: str, message: bytes) -> None:
        await self._db.tell(self._now(), topic, message)
        self._heard(topic, message)

    async def sweep(self, now: int, events_before: int) -> None:
        orphans = await self._db.read(sql.ORPHANS)
        await self._db.write(
            (sql.SWEEP_EVENTS, (events_before,)),
            (sql.SWEEP_LOGGED, (events_before,)),
            (sql.SWEEP_ITEMS, (now,)),
            (sql.SWEEP_LEASES, (now - sql.LEASE_MS,)),
            (sql.SWEEP_TOLD, (now - sql.TOLD_MS,)),
            *((sql.FORGET_EVENTS, (row[0],)) for row in orphans),
        )


def _row(run: Run) -> tuple[Value, ...]:
    return (run.id, run.owner, run.thread_id, run.agent, run.request_id, run.status, run.finished, encode(run))
