"""Who watches a run in this process, and how far behind: for agents that are held up by their viewers, and for runs
that end when nobody watches."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sluice.agents.ports import Later, Timer


class Audience:
    """The viewers of one run. `deserted` is called when there was none for `linger_s` seconds; None = nobody minds."""

    def __init__(self, later: Later, linger_s: float | None, deserted: Callable[[], None]) -> None:
        self._later, self._linger_s, self._deserted = later, linger_s, deserted
        self._timer: Timer | None = None
        self._behind: dict[object, int] = {}
        """How far each has read."""
        self._progressed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._behind)

    @contextmanager
    def viewer(self, after: int = 0) -> Iterator[Callable[[int], None]]:
        """Count a viewer; call what this gives with the number up to which it has read."""
        key = object()
        self._behind[key] = after
        self.stop()

        def has_read(seq: int) -> None:
            self._behind[key] = seq
            self._progressed.set()

        try:
            yield has_read
        finally:
            del self._behind[key]
            self._progressed.set()
            self.look()

    def look(self) -> None:
        """Begin to wait anew, if nobody watches: at the start, when the last has left, when another worker says that
        it has a viewer."""
        if not self._behind and self._linger_s is not None:
            self.stop()
            self._timer = self._later(self._linger_s, self._deserted)

    def stop(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """The run is over: whether anybody watches is nobody's business."""
        self.stop()
        self._linger_s = None

    async def room(self, last: Callable[[], int], buffer: int, timeout_s: float | None) -> None:
        """Return when the slowest viewer is no more than `buffer` events behind `last`.

        Raises:
            TimeoutError: that took longer than `timeout_s`.
        """
        async with asyncio.timeout(timeout_s):
            while self._behind and last() - min(self._behind.values()) > buffer:
                self._progressed.clear()
                await self._progressed.wait()
