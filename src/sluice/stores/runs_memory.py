"""Runs in memory: for tests, and for agents whose conversations need not outlive the process."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from sluice.runs.messages import Message
from sluice.runs.records import LIVE, Checkpoint, Item, Run, RunStatus, Thread, ThreadStatus

_Thread = tuple[str, str]


class MemoryRuns:
    """Everything in dictionaries of one process. Implements `agents.ports.Store`."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.committed: Callable[[str, int], None] | None = None
        self._now = now
        self._events: dict[str, list[bytes]] = {}
        self._runs: dict[str, Run] = {}
        self._requests: dict[tuple[str, str, str], str] = {}
        self._threads: dict[_Thread, Thread] = {}
        self._messages: dict[_Thread, dict[str, Message]] = {}
        self._checkpoints: dict[_Thread, list[Checkpoint]] = {}
        self._items: dict[tuple[tuple[str, ...], str], Item] = {}
        self._leases: dict[str, tuple[str, int]] = {}
        self._listener: Callable[[str, bytes], None] | None = None
        self._growth: dict[str, asyncio.Event] = {}

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    # -- log ----------------------------------------------------------------------------------------------------------

    def append(self, run_id: str, seq: int, data: bytes) -> None:
        self._events.setdefault(run_id, []).append(data)
        if self.committed is not None:
            self.committed(run_id, seq)
        growth = self._growth.pop(run_id, None)
        if growth is not None:
            growth.set()

    async def flush(self) -> None:
        """Everything is where it will stay."""

    async def read(self, run_id: str, after: int, limit: int) -> list[bytes]:
        return self._events.get(run_id, [])[max(0, after) : max(0, after) + limit]

    async def grown(self, run_id: str, after: int, timeout_s: float) -> bool:
        if len(self._events.get(run_id, ())) <= after:
            growth = self._growth.setdefault(run_id, asyncio.Event())
            try:
                async with asyncio.timeout(timeout_s):
                    await growth.wait()
            except TimeoutError:
                return False
        return True

    # -- runs ---------------------------------------------------------------------------------------------------------

    async def create_run(self, run: Run) -> Run:
        if run.request_id:
            known = self._requests.setdefault((run.owner, run.agent, run.request_id), run.id)
            if known != run.id:
                return self._runs[known]
        self._runs[run.id] = run
        return run

    async def put_run(self, run: Run) -> None:
        self._runs[run.id] = run

    async def get_run(self, run_id: str) -> Run | None:
        return self._runs.get(run_id)

    async def find_run(self, owner: str, request_id: str, agent: str = "") -> Run | None:
        for run in reversed(self._runs.values()):
            if run.owner == owner and run.request_id == request_id and agent in ("", run.agent):
                return run
        return None

    async def list_runs(
        self, owner: str, thread_id: str, *, status: RunStatus | None = None, limit: int = 10, offset: int = 0
    ) -> list[Run]:
        found = [
            run
            for run in reversed(self._runs.values())
            if run.owner == owner and run.thread_id == thread_id and status in (None, run.status)
        ]
        return found[offset : offset + limit]

    async def live_runs(self) -> list[Run]:
        return [run for run in self._runs.values() if run.status in LIVE]

    async def delete_run(self, run_id: str) -> None:
        run = self._runs.pop(run_id, None)
        self._events.pop(run_id, None)
        if run is not None and run.request_id:
            self._requests.pop((run.owner, run.agent, run.request_id), None)

    # -- threads ------------------------------------------------------------------------------------------------------

    async def create_thread(self, thread: Thread) -> Thread:
        return self._threads.setdefault((thread.owner, thread.id), thread)

    async def put_thread(self, thread: Thread) -> None:
        self._threads[thread.owner, thread.id] = thread

    async def get_thread(self, owner: str, thread_id: str) -> Thread | None:
        return self._threads.get((owner, thread_id))

    async def delete_thread(self, owner: str, thread_id: str) -> bool:
        place = (owner, thread_id)
        for run in [run for run in self._runs.values() if (run.owner, run.thread_id) == place]:
            await self.delete_run(run.id)
        self._messages.pop(place, None)
        self._checkpoints.pop(place, None)
        return self._threads.pop(place, None) is not None

    async def search_threads(
        self,
        owner: str,
        *,
        metadata: dict[str, Any] | None = None,
        status: ThreadStatus | None = None,
        ids: Sequence[str] | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: Literal["created", "updated", "status", "id"] = "updated",
        descending: bool = True,
    ) -> list[Thread]:
        found = [
            thread
            for thread in self._threads.values()
            if thread.owner == owner
            and status in (None, thread.status)
            and (ids is None or thread.id in ids)
            and _matches(thread.metadata, metadata)
        ]
        found.sort(key=lambda thread: (getattr(thread, sort_by), thread.id), reverse=descending)
        return found[offset : offset + limit]

    async def add_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        kept = self._messages.setdefault((owner, thread_id), {})
        for message in messages:
            kept[message.id] = message

    async def list_messages(self, owner: str, thread_id: str, *, limit: int = 0) -> list[Message]:
        return list(self._messages.get((owner, thread_id), {}).values())[-limit:]

    async def replace_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        self._messages[owner, thread_id] = {message.id: message for message in messages}

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._checkpoints.setdefault((checkpoint.owner, checkpoint.thread_id), []).append(checkpoint)

    async def get_checkpoint(
        self, owner: str, thread_id: str, *, ns: str = "", checkpoint_id: str = ""
    ) -> Checkpoint | None:
        for checkpoint in reversed(self._checkpoints.get((owner, thread_id), [])):
            if checkpoint.ns == ns and checkpoint_id in ("", checkpoint.id):
                return checkpoint
        return None

    async def list_checkpoints(
        self, owner: str, thread_id: str, *, ns: str = "", limit: int = 10, before: str = ""
    ) -> list[Checkpoint]:
        found = [one for one in reversed(self._checkpoints.get((owner, thread_id), [])) if one.ns == ns]
        if before:
            names = [one.id for one in found]
            found = found[names.index(before) + 1 :] if before in names else []
        return found[:limit]

    # -- items --------------------------------------------------------------------------------------------------------

    async def put_item(self, item: Item) -> None:
        known = await self.get_item(item.namespace, item.key)
        created = item.created if known is None else known.created
        self._items[item.namespace, item.key] = msgspec.structs.replace(item, created=created)

    async def swap_item(self, item: Item, expected: Item | None) -> bool:
        if await self.get_item(item.namespace, item.key) != expected:
            return False
        self._items[item.namespace, item.key] = item
        return True

    async def get_item(self, namespace: tuple[str, ...], key: str) -> Item | None:
        item = self._items.get((namespace, key))
        return None if item is None or self._expired(item) else item

    def _expired(self, item: Item) -> bool:
        return 0 < item.expires <= self._now()

    async def delete_item(self, namespace: tuple[str, ...], key: str) -> bool:
        item = self._items.pop((namespace, key), None)
        return item is not None and not self._expired(item)

    def _below(self, prefix: tuple[str, ...]) -> list[Item]:
        deep = len(prefix)
        return [item for item in self._items.values() if item.namespace[:deep] == prefix and not self._expired(item)]

    async def search_items(
        self,
        prefix: tuple[str, ...],
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the protocol's own name
        limit: int = 10,
        offset: int = 0,
    ) -> list[Item]:
        found = [item for item in self._below(prefix) if not filter or _matches(item.value, filter)]
        found.sort(key=lambda item: (-item.updated, item.namespace, item.key))
        return found[offset : offset + limit]

    async def namespaces(
        self, prefix: tuple[str, ...], *, max_depth: int = 0, limit: int = 100, offset: int = 0
    ) -> list[tuple[str, ...]]:
        names = {item.namespace[:max_depth] if max_depth else item.namespace for item in self._below(prefix)}
        return sorted(names)[offset : offset + limit]

    async def clear(self, prefix: tuple[str, ...]) -> int:
        found = self._below(prefix)
        for item in found:
            del self._items[item.namespace, item.key]
        return len(found)

    # -- coordination -------------------------------------------------------------------------------------------------

    async def acquire(self, name: str, worker: str, now: int, until: int) -> bool:
        holder, runs_out = self._leases.get(name, (worker, 0))
        if holder != worker and runs_out > now:
            return False
        self._leases[name] = (worker, until)
        return True

    async def release(self, name: str, worker: str) -> None:
        if self._leases.get(name, ("", 0))[0] == worker:
            del self._leases[name]

    async def tell(self, topic: str, message: bytes) -> None:
        if self._listener is not None:
            self._listener(topic, message)

    def hear(self, listener: Callable[[str, bytes], None]) -> None:
        self._listener = listener

    async def sweep(self, now: int, events_before: int) -> None:
        for place, item in list(self._items.items()):
            if 0 < item.expires <= now:
                del self._items[place]
        for run in self._runs.values():
            if run.status not in LIVE and run.finished < events_before:
                self._events.pop(run.id, None)


def _matches(value: Any, wanted: dict[str, Any] | None) -> bool:
    if not wanted:
        return True
    return isinstance(value, dict) and all(key in value and value[key] == wanted[key] for key in wanted)
