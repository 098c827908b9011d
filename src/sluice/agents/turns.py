"""Whose turn it is on a thread: one run at a time, in the order they came, among all workers."""

import asyncio
from collections import deque

from sluice.agents.ports import Coordination, Now

LEASE_S = 15.0
POLL_S = 0.05
"""How often a turn that another worker holds is asked for."""


class Turns:
    """The turns of this worker's runs. A turn is a lease in the store, so that a dead worker's runs out."""

    def __init__(self, store: Coordination, worker: str, now: Now) -> None:
        self._store, self._worker, self._now = store, worker, now
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, owner: str, thread_id: str) -> None:
        """Return when it is the caller's turn. Cancelling gives up the place in the queue."""
        key = f"thread:{owner}:{thread_id}"
        queue = self._queues.setdefault(key, deque())
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            if queue[0] is not mine:
                await mine
            while not await self._lease(key):  # noqa: ASYNC110  # a worker that died tells nobody
                await asyncio.sleep(POLL_S)
        except BaseException:
            await self._leave(key, mine)
            raise

    async def _lease(self, key: str) -> bool:
        return await self._store.acquire(key, self._worker, self._now(), self._now() + int(LEASE_S * 1000))

    async def renew(self) -> None:
        """Keep the leases of all turns that are held."""
        for key in list(self._queues):
            await self._lease(key)

    async def give(self, owner: str, thread_id: str) -> None:
        """End the caller's turn: the next of this worker has it, or else anybody."""
        key = f"thread:{owner}:{thread_id}"
        queue = self._queues.get(key)
        if queue:
            await self._leave(key, queue[0])

    async def _leave(self, key: str, mine: "asyncio.Future[None]") -> None:
        queue = self._queues[key]
        try:
            if len(queue) == 1 and queue[0] is mine:  # still at its head: nobody of ours takes the lease meanwhile
                await self._store.release(key, self._worker)
        finally:
            first = queue[0] is mine
            queue.remove(mine)
            if not queue:
                del self._queues[key]
            elif first and not queue[0].done():
                queue[0].set_result(None)
