"""`policies.health` and `spec.backend.health` of manifests, `health` of the short form: their schemas, and what they
compile to.

PURE. Obeys: compat-agentgateway 1.9 and 2.2. Shares of health are percentages in files and 0 to 1 in the Plan.
"""

from typing import Annotated

import msgspec

from sluice.config.core_api import Expression, Schema
from sluice.config.units import Duration
from sluice.policies.health import Health

MIN_REST_S = 1.0
SHARES = ("health_threshold", "restore_health")
"""Fields of the Plan that are percentages in files."""

Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class _Rest(Schema):
    """When a target gets a rest, and how long the first one is."""

    duration: Duration | None = None
    consecutive_failures: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    """0 = however many, they begin no rest."""

    def __post_init__(self) -> None:
        if self.duration is not None and self.duration < MIN_REST_S:
            raise ValueError("`duration` is 1s at least")


class EvictionSettings(_Rest):
    health_threshold: Percent | None = None
    restore_health: Percent | None = None


class ShortEvictionSettings(_Rest):
    """Where a number with a point is a share, as agentgateway's own file of this form has it: 0.5 is 50."""

    health_threshold: int | float | None = None
    restore_health: int | float | None = None

    def __post_init__(self) -> None:
        _Rest.__post_init__(self)
        for name, value in (("healthThreshold", self.health_threshold), ("restoreHealth", self.restore_health)):
            if value is not None and not 0 <= value <= (1 if isinstance(value, float) else 100):
                raise ValueError(f"`{name}` is a percentage, 0 to 100, or a share with a point, 0.0 to 1.0")


class HealthSettings(Schema):
    unhealthy_condition: Expression | None = None
    eviction: EvictionSettings | None = None


class ShortHealthSettings(Schema):
    unhealthy_condition: Expression | None = None
    unhealthy_expression: Expression | None = None
    """Its name in agentgateway's own file of this form."""
    eviction: ShortEvictionSettings | None = None

    def __post_init__(self) -> None:
        if self.unhealthy_condition is not None and self.unhealthy_expression is not None:
            raise ValueError("`unhealthyCondition` and `unhealthyExpression` are two names for one setting")


def health(settings: HealthSettings | ShortHealthSettings | None) -> Health:
    """Return what a `health` comes to; None says nothing."""
    if settings is None:
        return Health()
    condition = settings.unhealthy_condition
    if isinstance(settings, ShortHealthSettings):
        condition = condition or settings.unhealthy_expression
    rest = settings.eviction or EvictionSettings()
    default = Health()
    return Health(
        unhealthy=condition or default.unhealthy,
        duration_s=default.duration_s if rest.duration is None else float(rest.duration),
        consecutive_failures=rest.consecutive_failures,
        health_threshold=_share(rest.health_threshold),
        restore_health=_share(rest.restore_health),
    )


def _share(value: int | float | None) -> float | None:
    return value / 100 if isinstance(value, int) else value
