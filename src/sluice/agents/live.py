"""The log of a run that is under way in this process: the newest events in memory, the older ones in the store.

Whoever runs appends; viewers read by cursor and wait for more. An event leaves memory only when the store has it safe
and it is not among the newest `KEEP`: a slow viewer costs nothing, and reads what it missed from the store.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from sluice.agents.ports import Log
from sluice.runs.events import TERMINAL, Codec, Event

KEEP = 32
"""Events of each run that stay in memory for viewers who keep up."""


class LiveLog:
    """One run's events, from the one that writes to those that read."""

    __slots__ = ("_first", "_log", "_recent", "_safe", "_waiters", "ended", "last", "run_id", "size")

    def __init__(self, run_id: str, log: Log) -> None:
        self.run_id = run_id
        self.last = 0
        """Number of the newest event."""
        self.size = 0
        """JSON bytes of all events."""
        self.ended = False
        self._log = log
        self._recent: deque[Event] = deque()
        self._first = 1
        """Number of the oldest event in memory."""
        self._safe = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def append(self, event: Event, data: bytes) -> None:
        """Take the next event, and what it is as bytes, and wake those who wait. Plain call."""
        self.last = event.seq
        self.size += len(data)
        self._recent.append(event)
        self._log.append(self.run_id, event.seq, data)
        self._drop()
        if isinstance(event, TERMINAL):
            self.ended = True
        self._wake()

    def leave(self) -> None:
        """Nothing more comes here, though the log has no end: another worker writes on."""
        self.ended = True
        self._wake()

    def take_up(self, events: Sequence[Event], size: int) -> None:
        """Begin behind what the store has already."""
        self.last = self._safe = events[-1].seq if events else 0
        self._first, self.size = self.last + 1, size

    def _wake(self) -> None:
        for waiter in self._waiters:
            _done(waiter)
        self._waiters.clear()

    def recent(self) -> list[Event]:
        """Return the events that are in memory, oldest first."""
        return list(self._recent)

    def committed(self, seq: int) -> None:
        """Take note that the store has everything up to `seq`."""
        self._safe = seq
        self._drop()

    def _drop(self) -> None:
        while len(self._recent) > KEEP and self._first <= self._safe:
            self._recent.popleft()
            self._first += 1

    async def read(self, after: int, limit: int) -> list[Event]:
        """Return up to `limit` events beyond `after`: from memory if they are there, else from the store."""
        if after >= self.last:
            return []
        skip = after + 1 - self._first
        if skip >= 0:
            recent = self._recent
            return [recent[place] for place in range(skip, min(len(recent), skip + limit))]
        return [Codec.decode(data) for data in await self._log.read(self.run_id, after, limit)]

    def ear(self, beat_s: float) -> "Ear":
        """Return what one viewer waits with."""
        return Ear(self, self._waiters, beat_s)


class Ear:
    """One viewer's waiting for more. It has one timer for a whole silence, not one for each event: a run with hundreds
    of viewers wakes them all at every piece."""

    __slots__ = ("_beat_s", "_due", "_log", "_loop", "_timer", "_waiter", "_waiters")

    def __init__(self, log: LiveLog, waiters: "set[asyncio.Future[None]]", beat_s: float) -> None:
        self._log, self._waiters, self._beat_s = log, waiters, beat_s
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    async def grown(self, after: int) -> bool:
        """Return when there is an event beyond `after` or the log has ended; False if `beat_s` passed before that."""
        log = self._log
        if log.last > after or log.ended:
            return True
        waiter = self._waiter = self._loop.create_future()
        self._waiters.add(waiter)
        self._due = self._loop.time() + self._beat_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)
        try:
            await waiter
        finally:
            self._waiter = None
            self._waiters.discard(waiter)
        return log.last > after or log.ended

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() >= self._due:
            _done(self._waiter)
        else:
            self._timer = self._loop.call_at(self._due, self._look)

    def close(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _done(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
