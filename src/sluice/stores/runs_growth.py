"""Who waits for a log to grow: viewers of runs that other workers write."""

import asyncio
from collections.abc import Awaitable, Callable


class Growth:
    """`last(run_id)` says how far a log has got, asked once when somebody begins to wait; then `reached` tells."""

    def __init__(self, last: Callable[[str], Awaitable[int]]) -> None:
        self._last = last
        self._waiting: dict[str, dict[asyncio.Future[bool], int]] = {}

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that somebody waits for. May be read from any thread."""
        return tuple(self._waiting)

    async def beyond(self, run_id: str, after: int, timeout_s: float) -> bool:
        """Return whether there is an event beyond `after`, as soon as there is, or after so long."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self._is_beyond(run_id, after):
                    pass
        except TimeoutError:
            return False
        return True

    async def _is_beyond(self, run_id: str, after: int) -> bool:
        """Wait for news of a log; return whether it is beyond."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, {})[waiter] = after
        try:
            return await self._last(run_id) > after or await waiter
        finally:
            waiters = self._waiting[run_id]
            del waiters[waiter]
            if not waiters:
                del self._waiting[run_id]

    def reached(self, run_id: str, last: int) -> None:
        """Wake those who wait for less."""
        for waiter, after in self._waiting.get(run_id, {}).items():
            if last > after and not waiter.done():
                waiter.set_result(True)

    def look_again(self) -> None:
        """Have those who wait ask once more: what was told meanwhile may be lost."""
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(False)
