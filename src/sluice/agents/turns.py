"""Whose turn it is on a thread: one run at a time, in the order they came, among all workers."""

import asyncio
from collections import deque

from sluice.agents.ports import Coordination, Now

LEASE_S = 15.0
POLL_S = 0.05
"""How often a turn that another worker holds is asked for."""


class _Line:
    """Those of this worker who want the turn of one thread, the one that has it first."""

    __slots__ = ("held", "lock", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.held = False
        self.lock = asyncio.Lock()
        """Renewing a lease must not come behind letting it go: then nobody would have it, for LEASE_S."""


class Turns:
    """The turns of this worker's runs. A turn is a lease in the store, so that a dead worker's runs out."""

    def __init__(self, store: Coordination, worker: str, now: Now) -> None:
        self._store, self._worker, self._now = store, worker, now
        self._lines: dict[str, _Line] = {}

    async def take(self, owner: str, thread_id: str) -> None:
        """Return when it is the caller's turn. Cancelling gives up the place in the queue."""
        key = f"thread:{owner}:{thread_id}"
        line = self._lines.setdefault(key, _Line())
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(mine)
        try:
            if line.waiting[0] is not mine:
                await mine
            while not await self._lease(key):  # noqa: ASYNC110  # a worker that died tells nobody
                await asyncio.sleep(POLL_S)
            line.held = True
        except BaseException:
            await self._leave(key, mine)
            raise

    async def _lease(self, key: str) -> bool:
        return await self._store.acquire(key, self._worker, self._now(), self._now() + int(LEASE_S * 1000))

    async def renew(self) -> None:
        """Keep the leases of all turns that are held."""
        for key, line in list(self._lines.items()):
            async with line.lock:
                if line.held:
                    await self._lease(key)

    async def give(self, owner: str, thread_id: str) -> None:
        """End the caller's turn: the next of this worker has it, or else anybody."""
        key = f"thread:{owner}:{thread_id}"
        line = self._lines.get(key)
        if line is not None:
            await self._leave(key, line.waiting[0])

    async def _leave(self, key: str, mine: "asyncio.Future[None]") -> None:
        line = self._lines[key]
        waiting = line.waiting
        try:
            if len(waiting) == 1 and waiting[0] is mine:  # still at its head: nobody of ours takes the lease meanwhile
                async with line.lock:
                    line.held = False
                    await self._store.release(key, self._worker)
        finally:
            first = waiting[0] is mine
            waiting.remove(mine)
            if not waiting:
                del self._lines[key]
            elif first and not waiting[0].done():
                waiting[0].set_result(None)
