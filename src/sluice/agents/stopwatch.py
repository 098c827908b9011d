"""What a stopwatch beside a run measures: first chunk, pieces, characters, words, and the last sign of life."""

from collections.abc import Callable

from sluice.agents.ports import Clock
from sluice.runs.events import RunStats


class Stopwatch:
    """Runs from the moment it is made."""

    __slots__ = (
        "_began",
        "_characters",
        "_chunks",
        "_clock",
        "_first_chunk_ms",
        "_inside",
        "heard_at",
        "on_first",
        "words",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock()
        self._first_chunk_ms: float | None = None
        self._chunks = 0
        self._characters = 0
        self.words = 0
        """Words begun: one cut in two pieces is one."""
        self._inside = False
        self.heard_at = self._began
        """Monotonic second of the last event, or of what a resumed run said again in silence."""
        self.on_first: Callable[[], None] | None = None
        """Told of the first piece."""

    @property
    def spoke(self) -> bool:
        """Whether there was any text or reasoning."""
        return self._first_chunk_ms is not None

    def begin(self) -> None:
        """Begin now: the run has had its turn."""
        self._began = self.heard_at = self._clock()

    def heard(self) -> None:
        """Take note of a sign of life."""
        self.heard_at = self._clock()

    def piece(self, text: str) -> None:
        """Take note of a piece of text; empty = of reasoning."""
        self.heard_at = self._clock()
        if self._first_chunk_ms is None:
            self._first_chunk_ms = round((self.heard_at - self._began) * 1000, 3)
            if self.on_first is not None:
                self.on_first()
        if text:
            self._chunks += 1
            self._characters += len(text)
            self.words += len(text.split()) - (self._inside and not text[0].isspace())
            self._inside = not text[-1].isspace()

    def stats(self) -> RunStats:
        """Return what it says now."""
        return RunStats(
            first_chunk_ms=self._first_chunk_ms,
            chunks=self._chunks,
            characters=self._characters,
            duration_ms=round((self._clock() - self._began) * 1000, 3),
        )
