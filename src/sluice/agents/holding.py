"""Text that is held back a moment, so that it is at most one event in so many seconds, whatever the model's pace
(agents.md D.8). The first piece goes out at once; what comes before the time is up goes out together."""

from collections.abc import Callable

from sluice.agents.ports import Later, Timer


class Holding:
    """Holds text for `interval_s` seconds behind the last that went out; 0, or no timer, holds nothing."""

    __slots__ = ("_interval_s", "_later", "_pieces", "_timer", "_write")

    def __init__(self, interval_s: float, later: Later | None, write: Callable[[str], None]) -> None:
        self._interval_s, self._write = interval_s, write
        self._later = later if interval_s else None
        self._pieces: list[str] = []
        self._timer: Timer | None = None

    def take(self, text: str) -> None:
        """Write the text now or soon."""
        if self._later is None:
            self._write(text)
        elif self._timer is None:
            self._timer = self._later(self._interval_s, self._tick)
            self._write(text)
        else:
            self._pieces.append(text)

    def _tick(self) -> None:
        self._timer = None
        if self._pieces and self._later is not None:
            self._timer = self._later(self._interval_s, self._tick)
            self.let_go()

    def let_go(self) -> None:
        """Write what is held."""
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._write(text)

    def stop(self) -> None:
        """Let go of the timer; what is held is still to be let go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._later = None
