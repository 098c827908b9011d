"""The pen of a log: what many runs append within 5 ms becomes one group, and one write.

`append` is a plain call of about a microsecond. What cannot be written waits in its order and is tried again, up to a
bound in bytes; the run whose event would pass it is given up: nothing of it is kept from there on, what was before is,
and its owner is told. So a log never has a gap, and memory has an end, however slow the disk.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sluice.errors import StoreFailed

GROUP_S = 0.005
"""How long the first event of a group waits for others."""
GROUP = 64
"""Events that make a group at once."""
MOST = 2048
"""Events of one write; more only gather while a write takes long."""
MAX_WAITING_BYTES = 64 << 20
"""Of all that is not written yet. At a full disk and 100 runs of 50 tokens a second: about a minute."""
EVENT_BYTES = 200
"""What an event costs beside its text."""
FLUSH_S = 5.0
"""How long `flush` waits for a store that fails before it says so."""
PAUSES_S = (0.02, 0.05, 0.1, 0.25, 0.5)
"""Between tries; the last one again and again."""
MAX_GIVEN_UP = 10_000

Entry = tuple[str, int, bytes]
"""Run, number, event."""


class Pen:
    """One per store. `write(group)` raises StoreFailed, and may be called again with what it has written already;
    `committed` hears the last number of each run of a group; `lost` hears of a run that is given up, once."""

    def __init__(
        self,
        write: Callable[[Sequence[Entry]], Awaitable[None]],
        committed: Callable[[Mapping[str, int]], None],
        lost: Callable[[str], None],
        *,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        flush_s: float = FLUSH_S,
    ) -> None:
        self._write, self._committed, self._lost = write, committed, lost
        self._max_bytes, self._flush_s = max_waiting_bytes, flush_s
        self._waiting: list[Entry] = []
        self._bytes = 0
        """Of what waits and what is being written."""
        self._given = self._done = 0
        self._losses = self._told_losses = 0
        self._gaps: dict[str, int] = {}
        """Run -> the number from which on it lacks events."""
        self._due = asyncio.Event()
        self._turned: list[tuple[int, asyncio.Future[None]]] = []
        self._why: StoreFailed | None = None

    @property
    def waiting_bytes(self) -> int:
        """What is not written yet. At most `max_waiting_bytes`."""
        return self._bytes

    def append(self, run_id: str, seq: int, data: bytes) -> None:
        """Take an event. Never waits, never raises."""
        if self._gaps and self._is_beyond_gap(run_id, seq):
            return
        size = len(data) + EVENT_BYTES
        if self._bytes + size > self._max_bytes:
            self._give_up(run_id, seq)
            return
        self._bytes += size
        self._given += 1
        waiting = self._waiting
        waiting.append((run_id, seq, data))
        if len(waiting) == 1:
            asyncio.get_running_loop().call_later(GROUP_S, self._due.set)
        elif len(waiting) >= GROUP:
            self._due.set()

    async def flush(self) -> None:
        """Return when all that was given so far is written.

        Raises:
            StoreFailed: it is not after `flush_s`, or events were given up since the last call.
        """
        if self._done < self._given:
            self._due.set()
            written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._turned.append((self._given, written))
            try:
                async with asyncio.timeout(self._flush_s):
                    await written
            except TimeoutError:
                raise self._why or StoreFailed("the store of runs does not write in time") from None
        if self._losses > self._told_losses:
            self._told_losses = self._losses
            raise StoreFailed("the store of runs could not keep up: events were given up")

    def forget(self, run_id: str) -> None:
        """Write nothing of a run that is deleted, neither what waits nor what comes."""
        self._mark(run_id, 0)
        kept = [entry for entry in self._waiting if entry[0] != run_id]
        gone = len(self._waiting) - len(kept)
        if gone:
            self._bytes -= sum(_size(entry) for entry in self._waiting if entry[0] == run_id)
            self._waiting = kept
            self._given -= gone
            self._turned = [(min(mark, self._given), written) for mark, written in self._turned]
            self._tell_written()

    async def keep(self) -> None:
        """Write, as long as the store is open."""
        while True:
            await self._due.wait()
            self._due.clear()
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if self._waiting:
                self._due.set()
            if group:
                await self._written(group)

    async def _written(self, group: list[Entry]) -> None:
        tries = 0
        while True:
            try:
                await self._write(group)
            except StoreFailed as error:
                self._why = error
                await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
                tries += 1
            else:
                break
        self._why = None
        self._done += len(group)
        self._bytes -= sum(map(_size, group))
        self._committed({run_id: seq for run_id, seq, _ in group})
        self._tell_written()

    def _tell_written(self) -> None:
        if self._turned:
            for mark, written in self._turned:
                if mark <= self._done and not written.done():
                    written.set_result(None)
            self._turned = [each for each in self._turned if not each[1].done()]

    # -- what is given up ---------------------------------------------------------------------------------------------

    def _is_beyond_gap(self, run_id: str, seq: int) -> bool:
        since = self._gaps.get(run_id)
        if since is None:
            return False
        if seq > since:
            return True
        del self._gaps[run_id]  # whoever mends a log begins where it ends
        return False

    def _give_up(self, run_id: str, seq: int) -> None:
        self._losses += 1
        self._mark(run_id, seq)
        self._lost(run_id)

    def _mark(self, run_id: str, seq: int) -> None:
        self._gaps[run_id] = seq
        if len(self._gaps) > MAX_GIVEN_UP:
            del self._gaps[next(iter(self._gaps))]


def _size(entry: Entry) -> int:
    return len(entry[2]) + EVENT_BYTES
