"""The clocks of one run: until the first chunk, between two, and in all. agents.md D.8; seed 003's 30 s."""

from collections.abc import Callable

import msgspec

from sluice.agents.ports import Clock, Later, Timer
from sluice.agents.stopwatch import Stopwatch


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; None = no limit."""

    ttft: float | None = None
    idle: float | None = None
    total: float | None = None


class Clocks:
    """Says once, by `out(which, message)`, that one has run out. Owns one timer."""

    def __init__(
        self, limits: Limits, watch: Stopwatch, clock: Clock, later: Later, out: Callable[[str, str], None]
    ) -> None:
        self._limits, self._watch = limits, watch
        self._clock, self._later, self._out = clock, later, out
        self._began = 0.0
        self._timer: Timer | None = None
        self.deadline: float | None = None
        """Monotonic second at which the run is out of time."""

    def start(self) -> None:
        """Start them."""
        self._began = self._clock()
        if self._limits.total is not None:
            self.deadline = self._began + self._limits.total
        self._watch.on_first = self._arm  # the clock of silence runs from the first chunk
        self._arm()

    def stop(self) -> None:
        """Stop them; nothing is said any more."""
        self._watch.on_first = None
        if self._timer is not None:
            self._timer.cancel()

    def _dues(self) -> list[tuple[float, str, str]]:
        """When each runs out, its name, and what is said then."""
        dues: list[tuple[float, str, str]] = []
        limits, spoke = self._limits, self._watch.spoke
        if self.deadline is not None:
            dues.append((self.deadline, "total", f"streaming timeout after {limits.total:g}s"))
        if limits.ttft is not None and not spoke:
            dues.append((self._began + limits.ttft, "ttft", f"no first chunk within {limits.ttft:g}s"))
        if limits.idle is not None and spoke:
            dues.append((self._watch.heard_at + limits.idle, "idle", f"no chunk for {limits.idle:g}s"))
        return dues

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        dues = self._dues()
        if dues:
            self._timer = self._later(max(0.0, min(dues)[0] - self._clock()), self._look)

    def _look(self) -> None:
        due, which, message = min(self._dues())
        if self._clock() >= due:
            self._out(which, message)
        else:
            self._arm()
