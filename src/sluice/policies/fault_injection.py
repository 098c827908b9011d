"""Faults on purpose, to see how clients bear them: a delay before a backend is asked, an answer instead of it.

Guarantee: of many requests each share is hit as often as it says; one that is not hit is not touched. A delay counts
for the time of the whole exchange, and its client may leave meanwhile. The die is an argument.
Source: compat-agentgateway 2.5; the shares are Sluice's own.
"""

from datetime import timedelta
from typing import Final

import msgspec

from sluice.policies.condition import Condition
from sluice.policies.scene import ASKED, Scene
from sluice.policies.value import Value

MAX_DELAY_S: Final = 600.0
"""What an expression may come to: it may depend on what a client says."""


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route. `condition`: of several the first whose condition holds counts; an empty one always holds."""

    duration_s: float = 0.0
    expression: str = ""
    """CEL that comes to a duration, such as `duration("250ms")`; in place of `duration_s`."""
    percent: float = 100.0
    condition: str = ""


class Abort(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route: an error instead of a backend's answer."""

    status: int = 503
    percent: float = 100.0
    message: str = "fault filter abort"


class Delayer:
    """Delays, compiled.

    Raises:
        ValueError: an expression is wrong. `load` has said so before, with its place.
    """

    __slots__ = ("_delays",)

    def __init__(self, delays: tuple[Delay, ...]) -> None:
        self._delays = tuple(
            (
                Condition(delay.condition) if delay.condition else None,
                Value(delay.expression, sees=ASKED) if delay.expression else None,
                delay,
            )
            for delay in delays
        )

    def seconds(self, scene: Scene, die: float) -> float:
        """Return how long this request waits, 0.0 to MAX_DELAY_S; an expression that fails is no delay. `die` in
        [0, 1)."""
        for condition, value, delay in self._delays:
            if condition is None or condition.holds(scene):
                return (_seconds(value, scene) if value else delay.duration_s) if hits(delay.percent, die) else 0.0
        return 0.0


def hits(percent: float, die: float) -> bool:
    """Return whether a request belongs to a share, `die` in [0, 1)."""
    return die * 100.0 < percent


def _seconds(value: Value, scene: Scene) -> float:
    try:
        found = value.value(scene)
    except LookupError:
        return 0.0
    return min(max(found.total_seconds(), 0.0), MAX_DELAY_S) if isinstance(found, timedelta) else 0.0
