"""What goes by itself: values that have expired, and the events of runs that ended long ago."""

from sluice.agents.ports import Clock, Now, Store

EVERY_S = 60.0
EVENTS_MS = 24 * 3_600_000
"""How long the events of a run are kept after its end. Its record and messages stay until they are deleted."""


class Sweeper:
    """Every worker sweeps: twice is as good as once."""

    def __init__(self, store: Store, clock: Clock, now: Now) -> None:
        self._store, self._clock, self._now = store, clock, now
        self._due = clock() + EVERY_S

    async def look(self) -> None:
        """Sweep if it is time."""
        if self._clock() >= self._due:
            self._due = self._clock() + EVERY_S
            now = self._now()
            await self._store.sweep(now, now - EVENTS_MS)
