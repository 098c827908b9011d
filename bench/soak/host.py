"""On a virtual machine: whether its host leaves it its processors. While it takes much, a soak asks for nothing new:
what it would measure is the host. Pure.
"""

from collections.abc import Sequence

HOLD = 0.2
"""Share of a processor: more than that is taken, and nothing new is asked."""
GO = 0.05
CALM_S = 3.0
"""No more than GO is taken of any processor for so long: the load goes on."""


class Host:
    """`look` once a second; `holds` says whether the load has to wait."""

    def __init__(self) -> None:
        self.holds = False
        self.held_s = 0.0
        """All in all."""
        self._at_s = 0.0
        self._stolen_s: Sequence[float] | None = None
        self._calm_s = 0.0

    def look(self, at_s: float, stolen_s: Sequence[float]) -> None:
        """Take what was taken so far of each processor."""
        before, passed_s = self._stolen_s, at_s - self._at_s
        self._at_s, self._stolen_s = at_s, stolen_s
        if before is None:
            return
        share = max(new - old for old, new in zip(before, stolen_s, strict=True)) / passed_s
        self.held_s += passed_s if self.holds else 0.0
        self._calm_s = self._calm_s + passed_s if share <= GO else 0.0
        if share > HOLD:
            self.holds = True
        elif self._calm_s >= CALM_S:
            self.holds = False
