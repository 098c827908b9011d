"""What runs in Redis and in an SQL database have in common: the pen of their logs, who waits for a log to grow, and who
hears what other workers tell."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from sluice.errors import StoreFailed
from sluice.stores.background import Background
from sluice.stores.runs_growth import Growth
from sluice.stores.runs_pen import Entry, Pen


class LoggedRuns(ABC):
    """The log and the hearing of `agents.ports.Store`."""

    def __init__(self, *, max_waiting_bytes: int) -> None:
        self.committed: Callable[[str, int], None] | None = None
        self.lost: Callable[[str], None] | None = None
        self._listener: Callable[[str, bytes], None] | None = None
        self._growth = Growth(self._last)
        self._pen = Pen(self._write, self._written, self._given_up, max_waiting_bytes=max_waiting_bytes)
        self._writer = Background()

    @abstractmethod
    async def _write(self, group: Sequence[Entry]) -> None:
        """Write events, or raise StoreFailed."""

    @abstractmethod
    async def _last(self, run_id: str) -> int:
        """Return the number of the newest event of a run; 0 = it has none."""

    async def _begin(self) -> None:
        """Write from now on."""
        await self._writer.start(self._pen.keep(), "pen of runs")

    async def _end(self) -> bool:
        """Write what is waiting, and no more; return whether anything was ever begun."""
        begun = self._writer.runs
        if begun:
            with contextlib.suppress(StoreFailed):  # it was said to those who waited
                await self._pen.flush()
            await self._writer.stop()
        return begun

    def append(self, run_id: str, seq: int, data: bytes) -> None:
        self._pen.append(run_id, seq, data)

    async def flush(self) -> None:
        await self._pen.flush()

    async def grown(self, run_id: str, after: int, timeout_s: float) -> bool:
        return await self._growth.beyond(run_id, after, timeout_s)

    def _written(self, lasts: Mapping[str, int]) -> None:
        for run_id, last in lasts.items():
            if self.committed is not None:
                self.committed(run_id, last)
            self._growth.reached(run_id, last)

    def _given_up(self, run_id: str) -> None:
        if self.lost is not None:
            self.lost(run_id)

    def hear(self, listener: Callable[[str, bytes], None]) -> None:
        self._listener = listener

    def _heard(self, topic: str, message: bytes) -> None:
        if self._listener is not None:
            self._listener(topic, message)
