"""The breakers of all targets: they outlive the plan, for a reload makes no provider well."""

from collections.abc import Hashable

from sluice.config.plan import Target
from sluice.policies.health import TargetHealth


class Breakers:
    """One per process. A target is the same in two plans if it is asked at the same place, for the same model, with the
    same credential, and judged by the same rules."""

    def __init__(self) -> None:
        self._known: dict[Hashable, TargetHealth] = {}
        self._kept: dict[Hashable, TargetHealth] = {}

    def of(self, target: Target) -> TargetHealth:
        """Return the breaker of a target, a new one if it was not known."""
        key = (target.name, target.endpoint, target.model, target.credential, target.health)
        health = self._known.get(key)
        if health is None:
            health = self._known[key] = TargetHealth(target.health)
        self._kept[key] = health
        return health

    def forget_others(self) -> None:
        """Keep the breakers that were asked for since the last call: those of the plan in use."""
        self._known, self._kept = self._kept, {}
