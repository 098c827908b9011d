"""Expressions of a configuration, compiled once while it is loaded: a wrong one is a fault at its place.

PURE. The Plan keeps their texts; who asks them compiles them again, once per Plan.
"""

from collections.abc import Callable

from sluice.config.faults import Faults, Path, Place
from sluice.config.health_policy import HealthSettings, ShortHealthSettings
from sluice.config.traffic_api import RetrySettings
from sluice.policies.condition import Condition, ResponseCondition

Placing = Callable[..., Place]
"""Tells where a path of a document stands."""


def check_condition(text: str, place: Place, faults: Faults) -> None:
    """Add a fault if a condition over requests cannot be asked; an empty one is none."""
    _check(Condition, text, place, faults, 'such as `request.headers["x-tier"] == "gold"`')


def check_response_condition(text: str, place: Place, faults: Faults) -> None:
    """Add a fault if a condition over responses cannot be asked; an empty one is none."""
    _check(ResponseCondition, text, place, faults, "such as `response.code >= 500`")


def check_retry(settings: RetrySettings | None, place: Placing, path: Path, faults: Faults) -> None:
    """Add faults for the expressions of a `retry` that stands at `path`."""
    if settings is not None:
        check_response_condition(settings.condition or "", place(*path, "condition"), faults)
        check_condition(settings.precondition or "", place(*path, "precondition"), faults)


def check_health(
    settings: HealthSettings | ShortHealthSettings | None, place: Placing, path: Path, faults: Faults
) -> None:
    """Add a fault for the expression of a `health` that stands at `path`."""
    if settings is None:
        return
    check_response_condition(settings.unhealthy_condition or "", place(*path, "unhealthyCondition"), faults)
    if isinstance(settings, ShortHealthSettings):
        check_response_condition(settings.unhealthy_expression or "", place(*path, "unhealthyExpression"), faults)


def _check(kind: Callable[[str], object], text: str, place: Place, faults: Faults, hint: str) -> None:
    try:
        if text:
            kind(text)
    except ValueError as error:
        faults.add(place, str(error), hint)
