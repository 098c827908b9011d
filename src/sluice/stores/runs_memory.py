"""Runs in memory: for tests, and for agents whose conversations need not outlive the process."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sluice.runs.messages import Message
from sluice.runs.records import LIVE, Checkpoint, Item, Run, RunStatus, Thread, ThreadStatus
from sluice.stores.runs_growth import Growth
from sluice.stores.runs_keys import (
    SortBy,
    decode_checkpoint,
    decode_item,
    encode,
    matches,
    threads_found,
)

_Thread = tuple[str, str]


class MemoryRuns:
    """Everything in dictionaries of one process. Implements `agents.ports.Store`."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.committed: Callable[[str, int], None] | None = None
        self.lost: Callable[[str], None] | None = None
        self._now = now
        self._events: dict[str, dict[int, bytes]] = {}
        self._runs: dict[str, Run] = {}
        self._requests: dict[tuple[str, str, str], str] = {}
        self._threads: dict[_Thread, Thread] = {}
        self._messages: dict[_Thread, dict[str, Message]] = {}
        # Their values can be changed by whoever has them: kept as bytes, so that each reader has its own.
        self._checkpoints: dict[_Thread, dict[tuple[str, str], bytes]] = {}
        self._items: dict[tuple[tuple[str, ...], str], bytes] = {}
        self._leases: dict[str, tuple[str, int]] = {}
        self._listener: Callable[[str, bytes], None] | None = None
        self._growth = Growth(self._last)

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    # -- log ----------------------------------------------------------------------------------------------------------

    def append(self, run_id: str, seq: int, data: bytes) -> None:
        events = self._events.setdefault(run_id, {})
        events.setdefault(seq, data)
        if self.committed is not None:
            self.committed(run_id, seq)
        self._growth.reached(run_id, seq)

    async def flush(self) -> None:
        """Everything is where it will stay."""

    async def read(self, run_id: str, after: int, limit: int) -> list[bytes]:
        events = self._events.get(run_id, {})
        first = max(after + 1, next(iter(events), 1))
        last = next(reversed(events), 0)
        return [events[seq] for seq in range(first, min(last + 1, first + limit)) if seq in events]

    async def grown(self, run_id: str, after: int, timeout_s: float) -> bool:
        return await self._growth.beyond(run_id, after, timeout_s)

    async def _last(self, run_id: str) -> int:
        return next(reversed(self._events.get(run_id, {})), 0)

    # -- runs ---------------------------------------------------------------------------------------------------------

    async def create_run(self, run: Run) -> Run:
        if run.request_id:
            known = self._requests.setdefault((run.owner, run.agent, run.request_id), run.id)
            if known != run.id:
                return self._runs[known]
        self._runs[run.id] = run
        return run

    async def put_run(self, run: Run) -> None:
        kept = self._runs.get(run.id)
        if kept is None or kept.finished in (0, run.finished):
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
        sort_by: SortBy = "updated",
        descending: bool = True,
    ) -> list[Thread]:
        theirs = [thread for thread in self._threads.values() if thread.owner == owner]
        named = [thread for thread in theirs if ids is None or thread.id in ids]
        found = threads_found(named, metadata, status, sort_by, descending)
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
        kept = self._checkpoints.setdefault((checkpoint.owner, checkpoint.thread_id), {})
        kept[checkpoint.ns, checkpoint.id] = encode(checkpoint)

    async def get_checkpoint(
        self, owner: str, thread_id: str, *, ns: str = "", checkpoint_id: str = ""
    ) -> Checkpoint | None:
        if not checkpoint_id:
            return next(iter(await self.list_checkpoints(owner, thread_id, ns=ns, limit=1)), None)
        body = self._checkpoints.get((owner, thread_id), {}).get((ns, checkpoint_id))
        return None if body is None else decode_checkpoint(body)

    async def list_checkpoints(
        self, owner: str, thread_id: str, *, ns: str = "", limit: int = 10, before: str = ""
    ) -> list[Checkpoint]:
        kept = self._checkpoints.get((owner, thread_id), {})
        places = [place for place in reversed(kept) if place[0] == ns]
        if before:
            places = places[places.index((ns, before)) + 1 :] if (ns, before) in places else []
        return [decode_checkpoint(kept[place]) for place in places[:limit]]

    # -- items --------------------------------------------------------------------------------------------------------

    async def put_item(self, item: Item) -> None:
        known = await self.get_item(item.namespace, item.key)
        created = item.created if known is None else known.created
        self._items[item.namespace, item.key] = encode(msgspec.structs.replace(item, created=created))

    async def swap_item(self, item: Item, expected: Item | None) -> bool:
        same = encode(await self.get_item(item.namespace, item.key)) == encode(expected)
        if same:
            self._items[item.namespace, item.key] = encode(item)
        return same

    async def get_item(self, namespace: tuple[str, ...], key: str) -> Item | None:
        body = self._items.get((namespace, key))
        item = None if body is None else decode_item(body)
        return None if item is None or self._expired(item) else item

    def _expired(self, item: Item) -> bool:
        return 0 < item.expires <= self._now()

    async def delete_item(self, namespace: tuple[str, ...], key: str) -> bool:
        was = await self.get_item(namespace, key)
        self._items.pop((namespace, key), None)
        return was is not None

    def _below(self, prefix: tuple[str, ...]) -> list[Item]:
        deep = len(prefix)
        found = (decode_item(body) for place, body in self._items.items() if place[0][:deep] == prefix)
        return [item for item in found if not self._expired(item)]

    async def search_items(
        self,
        prefix: tuple[str, ...],
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the protocol's own name
        limit: int = 10,
        offset: int = 0,
    ) -> list[Item]:
        found = [item for item in self._below(prefix) if matches(item.value, filter)]
        found.sort(key=lambda item: (-item.updated, item.namespace, item.key))
        return found[offset : offset + limit]

    async def namespaces(
        self, prefix: tuple[str, ...], *, max_depth: int = 0, limit: int = 100, offset: int = 0
    ) -> list[tuple[str, ...]]:
        names = {item.namespace[:max_depth] if max_depth else item.namespace for item in self._below(prefix)}
        return sorted(names)[offset : offset + limit]

    async def clear(self, prefix: tuple[str, ...]) -> int:
        found = self._below(prefix)
        for place in [place for place in self._items if place[0][: len(prefix)] == prefix]:
            del self._items[place]
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
        for place, body in list(self._items.items()):
            if 0 < decode_item(body).expires <= now:
                del self._items[place]
        for run in self._runs.values():
            if run.status not in LIVE and run.finished < events_before:
                self._events.pop(run.id, None)
        for run_id in [run_id for run_id in self._events if run_id not in self._runs]:
            del self._events[run_id]  # it was deleted while it ran
