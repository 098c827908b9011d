"""policies.retry: after which statuses, and how long to wait."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.retry import Retry, backoff_s, may_repeat


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529, 599])
def test_what_may_pass_is_tried_again_unless_the_route_says_otherwise(status: int) -> None:
    assert may_repeat(Retry(), status)
    assert not may_repeat(Retry(codes=frozenset([418])), status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 413, 422, 499, 600])
def test_what_will_not_pass_is_not(status: int) -> None:
    assert not may_repeat(Retry(), status)
    assert may_repeat(Retry(codes=frozenset([status])), status)


@pytest.mark.parametrize("codes", [frozenset(), frozenset([503])])
def test_a_failure_without_a_status_always_may(codes: frozenset[int]) -> None:
    assert may_repeat(Retry(codes=codes), None)


@given(st.floats(0, 3600), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_the_backoff_and_up_to_half_as_much(backoff: float, die: float) -> None:
    assert backoff <= backoff_s(Retry(backoff_s=backoff), die) <= 1.5 * backoff


def test_the_die_spreads_the_waits_over_the_whole_range() -> None:
    waits = [backoff_s(Retry(backoff_s=2.0), die) for die in (0.0, 0.25, 0.5, 0.75)]
    assert waits == [2.0, 2.25, 2.5, 2.75]


@pytest.mark.parametrize(
    ("total_s", "backoff", "attempt_s", "documented"), [(0.1, 0.025, 0.001, 3), (2.0, 0.2, 0.02, 7)]
)
def test_as_many_retries_fit_into_a_timeout_as_the_lab_documents(
    total_s: float, backoff: float, attempt_s: float, documented: int
) -> None:
    """labs A023: 3 in 103 ms, and about 7 in two seconds; an attempt there is refused at once."""
    dice, retry, runs = random.Random(23), Retry(backoff_s=backoff), 1000
    counts = []
    for _ in range(runs):
        elapsed, retries = attempt_s, 0
        while (elapsed := elapsed + backoff_s(retry, dice.random())) < total_s:
            elapsed += attempt_s
            retries += 1
        counts.append(retries)
    assert abs(sum(counts) / runs - documented) < 0.5
    assert max(counts) - min(counts) <= 2
