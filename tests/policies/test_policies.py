"""policies/: deadlines, the weighted choice, and which headers cross."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.balance import pick
from sluice.policies.deadlines import Deadlines
from sluice.policies.headers import to_client, to_provider


def test_the_clocks_are_those_of_the_specification() -> None:
    clocks = Deadlines()
    assert (clocks.connect_s, clocks.headers_s, clocks.first_token_s) == (5, 60, 0)
    assert (clocks.idle_s, clocks.total_s) == (300, 0)


@pytest.mark.parametrize("weights", [[], [0], [0, 0]])
def test_no_weight_is_no_backend(weights: list[int]) -> None:
    assert pick(weights, 0.5) is None


@pytest.mark.parametrize(("die", "index"), [(0.0, 1), (0.249, 1), (0.25, 3), (0.999, 3), (1 - 2**-53, 3), (1.0, 3)])
def test_each_backend_gets_its_share_and_none_without_a_weight(die: float, index: int) -> None:
    assert pick([0, 1, 0, 3, 0], die) == index


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any), st.integers(1, 500))
def test_over_a_whole_round_of_the_die_the_shares_are_exact(weights: list[int], scale: int) -> None:
    total = sum(weights)
    picks = [pick(weights, (mark + 0.5) / total) for mark in range(total)]
    assert [picks.count(index) for index in range(len(weights))] == weights


def test_only_named_headers_cross() -> None:
    secret = [(b"authorization", b"x"), (b"cookie", b"x"), (b"x-forwarded-for", b"x"), (b"x-api-key", b"x")]
    theirs = [(b"accept", b"*/*"), (b"anthropic-beta", b"b"), (b"openai-beta", b"b")]
    kept = [(b"idempotency-key", b"i"), (b"user-agent", b"u")]
    described = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    assert to_provider([*secret, *theirs, *described, *kept], same_api=True) == [*theirs, *kept]
    assert to_provider([*secret, *theirs, *described, *kept], same_api=False) == kept
    answers = [(b"retry-after", b"1"), (b"x-ratelimit-remaining-tokens", b"2")]
    assert to_client([*answers, (b"set-cookie", b"x"), (b"server", b"x"), (b"x-request-id", b"x")]) == answers


def test_limits_before_the_head_are_the_shortest_that_apply() -> None:
    clocks = Deadlines(connect_s=5, headers_s=60)
    forever = float("inf")
    assert clocks.before_head(None, None, forever) == (5, 60)
    assert clocks.before_head(1, 0, forever) == (1, 0)
    assert clocks.before_head(None, None, 2) == (2, 2)
    assert clocks.before_head(0, 0, 2) == (2, 2)
    assert clocks.before_head(1, None, 30) == (1, 30)
