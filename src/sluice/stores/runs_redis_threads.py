"""Threads, their messages and checkpoints, in Redis."""

from collections.abc import Sequence
from typing import Any

from sluice.runs.messages import Message
from sluice.runs.records import Checkpoint, Thread, ThreadStatus
from sluice.stores import runs_redis_desk as desk
from sluice.stores import runs_redis_scripts as lua
from sluice.stores.runs_keys import (
    SortBy,
    decode_checkpoint,
    decode_message,
    decode_thread,
    encode,
    path_of,
    threads_found,
)


class RedisThreads:
    """Implements `agents.ports.Threads`, as a part of `RedisRuns`."""

    _desk: desk.RedisDesk

    async def create_thread(self, thread: Thread) -> Thread:
        kept = await self._desk.ask(desk.CREATE, [lua.key("threads", thread.owner)], [thread.id, encode(thread)])
        assert isinstance(kept, bytes)
        return decode_thread(kept)

    async def put_thread(self, thread: Thread) -> None:
        await self._desk.call(lua.key("threads", thread.owner), "HSET", thread.id, encode(thread))

    async def get_thread(self, owner: str, thread_id: str) -> Thread | None:
        body = await self._desk.bytes_of(lua.key("threads", owner), "HGET", thread_id)
        return None if body is None else decode_thread(body)

    async def forget_thread(self, owner: str, thread_id: str) -> bool:
        """Forget a thread with its messages and checkpoints. Return whether it was there."""
        keys = [lua.key("threads", owner), *_said(owner, thread_id), *_steps(owner, thread_id)]
        return await self._desk.ask(desk.FORGET_THREAD, keys, [thread_id]) == 1

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
        key = lua.key("threads", owner)
        names = (
            await self._desk.names_of(key, "HKEYS") if ids is None else [name.encode() for name in dict.fromkeys(ids)]
        )
        threads = map(decode_thread, await self._desk.many(key, names))
        found = threads_found(threads, metadata, status, sort_by, descending)
        return found[offset : offset + limit]

    async def add_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        if messages:
            await self._add(_said(owner, thread_id), messages, replace=False)

    async def list_messages(self, owner: str, thread_id: str, *, limit: int = 0) -> list[Message]:
        order, hash_key = _said(owner, thread_id)
        ids = await self._desk.names_of(order, "ZRANGE", -limit, -1)
        return [decode_message(body) for body in await self._desk.many(hash_key, ids)]

    async def replace_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        await self._add(_said(owner, thread_id), messages, replace=True)

    async def _add(self, keys: tuple[bytes, bytes], messages: Sequence[Message], *, replace: bool) -> None:
        words: list[desk.Word] = [int(replace)]
        for message in messages:
            words += (message.id, encode(message))
        await self._desk.ask(desk.ADD, [*keys, lua.NEXT], words)

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        keys = _steps(checkpoint.owner, checkpoint.thread_id)
        await self._desk.ask(desk.ADD, [*keys, lua.NEXT], [0, _name(checkpoint.ns, checkpoint.id), encode(checkpoint)])

    async def get_checkpoint(
        self, owner: str, thread_id: str, *, ns: str = "", checkpoint_id: str = ""
    ) -> Checkpoint | None:
        if not checkpoint_id:
            return next(iter(await self.list_checkpoints(owner, thread_id, ns=ns, limit=1)), None)
        body = await self._desk.bytes_of(_steps(owner, thread_id)[1], "HGET", _name(ns, checkpoint_id))
        return None if body is None else decode_checkpoint(body)

    async def list_checkpoints(
        self, owner: str, thread_id: str, *, ns: str = "", limit: int = 10, before: str = ""
    ) -> list[Checkpoint]:
        order, hash_key = _steps(owner, thread_id)
        names = [
            name for name in await self._desk.names_of(order, "ZREVRANGE", 0, -1) if name.startswith(_name(ns, ""))
        ]
        if before:
            last = _name(ns, before)
            names = names[names.index(last) + 1 :] if last in names else []
        return [decode_checkpoint(body) for body in await self._desk.many(hash_key, names[:limit])]


def _said(owner: str, thread_id: str) -> tuple[bytes, bytes]:
    return lua.key("said", owner, thread_id), lua.key("messages", owner, thread_id)


def _steps(owner: str, thread_id: str) -> tuple[bytes, bytes]:
    return lua.key("steps", owner, thread_id), lua.key("checkpoints", owner, thread_id)


def _name(ns: str, checkpoint_id: str) -> bytes:
    return f"{path_of((ns,))}{checkpoint_id}".encode()
