"""policies.fault_injection: who is delayed, how long, and who is hit."""

import pytest

from sluice.policies.fault_injection import MAX_DELAY_S, Delay, Delayer, hits
from tests.policies.scenes import scene


def seconds(*delays: Delay, die: float = 0.0, headers: dict[str, str] | None = None) -> float:
    return Delayer(delays).seconds(scene(headers), die)


def test_a_delay_is_as_long_as_it_says() -> None:
    assert seconds(Delay(duration_s=0.25)) == 0.25
    assert seconds() == 0.0
    assert seconds(Delay(expression='duration("1s500ms")')) == 1.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('duration(request.headers["x-delay"])', 2.0),
        ('duration(request.headers["x-none"])', 0.0),
        ('request.headers["x-delay"]', 0.0),  # a text is no duration
        ('duration("-5s")', 0.0),
        ('duration("1000h")', MAX_DELAY_S),
    ],
)
def test_an_expression_is_bounded_and_a_failing_one_is_no_delay(text: str, expected: float) -> None:
    assert seconds(Delay(expression=text), headers={"x-delay": "2s"}) == expected


def test_only_its_share_is_delayed() -> None:
    found = [seconds(Delay(duration_s=1.0, percent=25), die=number / 100) for number in range(100)]
    assert sum(found) == 25


def test_the_first_whose_condition_holds_counts() -> None:
    delays = (
        Delay(duration_s=1.0, condition='request.headers["x-chaos"] == "1"'),
        Delay(duration_s=2.0, condition='request.headers["x-chaos"] == "2"', percent=0),
        Delay(duration_s=3.0),
    )
    assert [seconds(*delays, headers={"x-chaos": each}) for each in "123"] == [1.0, 0.0, 3.0]


def test_a_share_of_nothing_and_of_all() -> None:
    dice = [number / 1000 for number in range(1000)]
    assert [sum(hits(percent, die) for die in dice) for percent in (0, 0.1, 50, 100)] == [0, 1, 500, 1000]
