"""Expressions are compiled while a configuration is loaded; a wrong one is a fault at its own place."""

import pytest

from sluice.config.conditions import check_condition, check_health, check_response_condition, check_retry
from sluice.config.faults import Faults, Place
from sluice.config.health_policy import HealthSettings, ShortHealthSettings
from sluice.config.traffic_api import RetrySettings
from sluice.errors import ConfigError

HERE = Place("f.yaml", 3, "here")
REQUEST, RESPONSE = 'request.headers["x"] == "y"', 'response.headers["x"] == "y"'


def place(*path: str | int) -> Place:
    return Place("f.yaml", 7, ".".join(map(str, path)))


def found(faults: Faults) -> list[str]:
    try:
        faults.check()
    except ConfigError as error:
        return str(error).split("\n")
    return []


def test_a_condition_over_requests_is_none_over_responses_and_the_other_way_round() -> None:
    for check, right, wrong, hint in (
        (check_condition, REQUEST, RESPONSE, '(such as `request.headers["x-tier"] == "gold"`)'),
        (check_response_condition, RESPONSE, REQUEST, "(such as `response.code >= 500`)"),
    ):
        faults = Faults()
        check(right, HERE, faults)
        check("", HERE, faults)
        assert found(faults) == []
        check(wrong, HERE, faults)
        (line,) = found(faults)
        assert line.startswith("f.yaml:3: here: ")
        assert line.endswith(hint)
        example = hint.partition("`")[2].rpartition("`")[0]
        again = Faults()
        check(example, HERE, again)
        assert not again


def test_each_expression_of_a_retry_is_told_at_its_own_place() -> None:
    faults = Faults()
    check_retry(None, place, ("retry",), faults)
    check_retry(RetrySettings(condition=RESPONSE, precondition=REQUEST), place, ("retry",), faults)
    assert found(faults) == []
    check_retry(RetrySettings(condition=REQUEST, precondition=RESPONSE), place, ("retry",), faults)
    assert [line.split(": ")[1] for line in found(faults)] == ["retry.condition", "retry.precondition"]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (HealthSettings(unhealthy_condition="1 +"), "unhealthyCondition"),
        (ShortHealthSettings(unhealthy_condition="1 +"), "unhealthyCondition"),
        (ShortHealthSettings(unhealthy_expression="1 +"), "unhealthyExpression"),
    ],
)
def test_the_expression_of_a_health_is_told_by_the_name_it_was_written_with(
    settings: HealthSettings | ShortHealthSettings, name: str
) -> None:
    faults = Faults()
    check_health(None, place, ("health",), faults)
    check_health(HealthSettings(unhealthy_condition=RESPONSE), place, ("health",), faults)
    assert found(faults) == []
    check_health(settings, place, ("health",), faults)
    (line,) = found(faults)
    assert line.startswith(f"f.yaml:7: health.{name}: not a CEL expression")
