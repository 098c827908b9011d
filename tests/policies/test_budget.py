"""Calendar periods, and what a budget has left."""

from datetime import UTC, datetime

import pytest

from sluice.chat.usage import Usage
from sluice.policies.budget import UNBOUNDED_OUTPUT, Period, amount, reserve, span, tokens_left
from sluice.policies.cost import Price, Rates, rate

PRICE = Price(Rates(input=rate("1"), output=rate("10")))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("Hour", "2026-11-21T12:34:56", "2026-11-21T12:00:00", "2026-11-21T13:00:00"),
        ("Day", "2026-11-21T23:59:59", "2026-11-21T00:00:00", "2026-11-22T00:00:00"),
        ("Month", "2026-11-21T12:34:56", "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
        ("Month", "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("Month", "2028-02-29T00:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
        ("Hour", "2026-11-21T12:00:00", "2026-11-21T12:00:00", "2026-11-21T13:00:00"),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(period: Period, now: str, start: str, end: str) -> None:
    found = span(period, at(now) + 0.5)
    assert (found.start, found.end) == (at(start), at(end))


def test_a_request_reserves_its_bound_and_one_without_a_usual_answer() -> None:
    assert reserve(100, 50) == Usage(input_tokens=100, output_tokens=50)
    assert reserve(100, None) == Usage(input_tokens=100, output_tokens=UNBOUNDED_OUTPUT)
    assert reserve(100, None, 3) == Usage(input_tokens=100, output_tokens=3 * UNBOUNDED_OUTPUT)


def test_nothing_that_is_asked_or_used_makes_less_of_what_others_have() -> None:
    assert reserve(-1, -(10**30)) == Usage()
    assert amount("tokens", -100_000, 0) == amount("usd", 0, -100_000) == 0


def test_a_part_of_a_nanodollar_counts_as_a_whole_one() -> None:
    assert amount("usd", 7, 1001) == 2
    assert amount("usd", 7, 1000) == 1
    assert amount("usd", 7, 0) == 0
    assert amount("tokens", 7, 1001) == 7


def test_what_is_left_is_told_in_tokens_of_the_answer() -> None:
    assert tokens_left("tokens", 100, 30, PRICE) == 70
    assert tokens_left("tokens", 10, 30, PRICE) == 0
    assert tokens_left("usd", 110_000, 10, PRICE) == 10  # 110 microdollars: 10 for the prompt, 10 each
    assert tokens_left("usd", 5_000, 10, PRICE) == 0
    assert tokens_left("usd", 5_000, 10, Price()) is None
