"""Threads, their messages and checkpoints, in an SQL database."""

from collections.abc import Sequence
from typing import Any

from sluice.runs.messages import Message
from sluice.runs.records import Checkpoint, Thread, ThreadStatus
from sluice.stores import runs_tables as sql
from sluice.stores.runs_engine import Engine, Step, Value
from sluice.stores.runs_keys import (
    SortBy,
    decode_checkpoint,
    decode_message,
    decode_thread,
    encode,
    matches,
    search,
)
from sluice.stores.runs_pen import Pen


class SqlThreads:
    """Implements `agents.ports.Threads`, as a part of `SqlRuns`."""

    _db: Engine
    _pen: Pen

    async def create_thread(self, thread: Thread) -> Thread:
        place = (thread.owner, thread.id)
        _, rows = await self._db.write((sql.CREATE_THREAD, _row(thread)), (sql.GET_THREAD, place))
        return decode_thread(rows[0][0])

    async def put_thread(self, thread: Thread) -> None:
        await self._db.write((sql.PUT_THREAD, _row(thread)))

    async def get_thread(self, owner: str, thread_id: str) -> Thread | None:
        rows = await self._db.read(sql.GET_THREAD, owner, thread_id)
        return decode_thread(rows[0][0]) if rows else None

    async def delete_thread(self, owner: str, thread_id: str) -> bool:
        place = (owner, thread_id)
        *_, runs, threads = await self._db.write(*((statement, place) for statement in sql.FORGET_THREAD))
        for run in runs:
            self._pen.forget(run[0])
        return bool(threads)

    async def search_threads(
        self,
        owner: str,
        *,
        metadata: dict[str, Any] | None = None,
        status: ThreadStatus | None = None,
        ids: Sequence[str] | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: SortBy = "updated",
        descending: bool = True,
    ) -> list[Thread]:
        conditions, values = ["owner = ?"], [owner]
        if status is not None:
            conditions.append("status = ?")
            values.append(status)
        if ids is not None:
            conditions.append(f"id IN ({', '.join('?' * len(ids)) or 'NULL'})")
            values += ids
        way = "DESC" if descending else "ASC"
        order = f"{_COLUMNS[sort_by]} {way}, id {way}"
        where = " AND ".join(conditions)
        statement = f"SELECT body FROM threads WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - ours

        async def page(size: int, start: int) -> list[Thread]:
            return [decode_thread(row[0]) for row in await self._db.read(statement, *values, size, start)]

        if not metadata:
            return await page(limit, offset)
        return await search(page, lambda thread: matches(thread.metadata, metadata), limit, offset)

    async def add_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        if messages:
            await self._db.write(*_added(owner, thread_id, messages))

    async def list_messages(self, owner: str, thread_id: str, *, limit: int = 0) -> list[Message]:
        if not limit:
            return [decode_message(row[0]) for row in await self._db.read(sql.MESSAGES, owner, thread_id)]
        rows = await self._db.read(sql.NEWEST_MESSAGES, owner, thread_id, limit)
        return [decode_message(row[0]) for row in reversed(rows)]

    async def replace_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        steps = _added(owner, thread_id, messages)
        await self._db.write((sql.FORGET_MESSAGES, (owner, thread_id)), *steps)

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        place = (checkpoint.owner, checkpoint.thread_id, checkpoint.ns, checkpoint.id)
        await self._db.write((sql.PUT_CHECKPOINT, (*place, encode(checkpoint))))

    async def get_checkpoint(
        self, owner: str, thread_id: str, *, ns: str = "", checkpoint_id: str = ""
    ) -> Checkpoint | None:
        if checkpoint_id:
            rows = await self._db.read(sql.GET_CHECKPOINT, owner, thread_id, ns, checkpoint_id)
        else:
            rows = await self._db.read(sql.CHECKPOINTS, owner, thread_id, ns, 1)
        return decode_checkpoint(rows[0][0]) if rows else None

    async def list_checkpoints(
        self, owner: str, thread_id: str, *, ns: str = "", limit: int = 10, before: str = ""
    ) -> list[Checkpoint]:
        place = (owner, thread_id, ns)
        if before:
            rows = await self._db.read(sql.CHECKPOINTS_BEFORE, *place, *place, before, limit)
        else:
            rows = await self._db.read(sql.CHECKPOINTS, *place, limit)
        return [decode_checkpoint(row[0]) for row in rows]


_COLUMNS: dict[SortBy, str] = {"created": "created", "updated": "updated", "status": "status", "id": "id"}
"""No word of a caller gets into a statement."""


def _row(thread: Thread) -> tuple[Value, ...]:
    return (thread.owner, thread.id, thread.status, thread.created, thread.updated, encode(thread))


def _added(owner: str, thread_id: str, messages: Sequence[Message]) -> list[Step]:
    return [(sql.ADD_MESSAGE, (owner, thread_id, message.id, encode(message))) for message in messages]
