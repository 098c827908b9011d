"""The one task of a store: what writes, or keeps a connection, from its opening to its closing."""

import asyncio
import contextlib
from collections.abc import Coroutine


class Background:
    """Owns a task by name. `start` and `stop` belong to one task, whose group it is: if it fails, that one ends too,
    and nobody waits for a store that is dead."""

    def __init__(self) -> None:
        self._stack = contextlib.AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        return self._task is not None

    async def start(self, run: Coroutine[None, None, None], name: str) -> None:
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._task = tasks.create_task(run, name=name)

    async def ended(self) -> None:
        """Wait until it has ended by itself."""
        self._task = None
        await self._stack.aclose()

    async def stop(self) -> None:
        """End it. Without one this does nothing."""
        if self._task is not None:
            self._task.cancel()
        await self.ended()
