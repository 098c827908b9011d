"""What a request reserves, which limit a descriptor finds, and what its client reads."""

import pytest

from sluice.policies.limiting import Measure, Node, Rate
from sluice.policies.rate_limit import (
    SLICE,
    Cost,
    Estimate,
    Standing,
    cost,
    described,
    headers,
    seconds,
    tightest,
)


def rate(measure: Measure = "tokens", capacity: int = 1000, *, cut: bool = False, name: str = "r") -> Rate:
    return Rate(id=name, name=name, measure=measure, capacity=capacity, fill=capacity, interval_us=1, cut_stream=cut)


@pytest.mark.parametrize(
    ("limit", "estimate", "expected"),
    [
        (rate("requests"), Estimate(500, 500), Cost(1)),
        (rate(), Estimate(12), Cost(12, needs=1)),
        (rate(capacity=5), Estimate(12), Cost(5, needs=1)),
        (rate(), Estimate(12, 100), Cost(112, needs=112)),
        (rate(capacity=100), Estimate(12, 10**30), Cost(100, needs=100)),
        (rate(), Estimate(0, 0), Cost(0, needs=1)),
        (rate(), Estimate(12, -(10**30)), Cost(12, needs=12)),
        (rate(), Estimate(-5, 100), Cost(100, needs=100)),
        (rate(cut=True), Estimate(-5), Cost(SLICE, needs=1, partial=True)),
        (rate(cut=True), Estimate(12), Cost(12 + SLICE, needs=1, partial=True)),
        (rate(cut=True), Estimate(12, 100), Cost(112, needs=112, partial=True)),
    ],
)
def test_the_bound_is_reserved_and_without_one_any_token_is_enough(
    limit: Rate, estimate: Estimate, expected: Cost
) -> None:
    assert cost(limit, estimate) == expected


TREE = (
    Node(key="plan", value="standard", rate=rate(name="standard")),
    Node(key="plan", value="premium", rate=rate(name="premium")),
    Node(
        key="user",
        nodes=(Node(key="tenant", rate=rate(name="pair")), Node(key="tenant", value="vip", rate=rate(name="vip"))),
    ),
    Node(key="generic_key", value="counter", rate=rate(name="all")),
)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([("plan", "standard")], "standard"),
        ([("plan", "premium")], "premium"),
        ([("plan", "gold")], None),
        ([("user", "u1")], None),
        ([("user", "u1"), ("tenant", "t1")], "pair"),
        ([("user", "u1"), ("tenant", "vip")], "vip"),
        ([("tenant", "t1"), ("user", "u1")], None),
        ([("generic_key", "counter")], "all"),
        ([("generic_key", "counter"), ("user", "u1")], None),
        ([], None),
    ],
)
def test_a_descriptor_finds_the_node_of_its_value_before_that_of_any(
    entries: list[tuple[str, str]], found: str | None
) -> None:
    limit = described(TREE, entries)
    assert (limit.name if limit is not None else None) == found


def test_seconds_are_rounded_up_so_that_nobody_comes_back_too_early() -> None:
    assert [seconds(us) for us in (0, 1, 999_999, 1_000_000, 1_000_001)] == [0, 1, 1, 1, 2]


def test_the_tightest_limit_is_shown_and_never_less_than_nothing() -> None:
    wide, near, owing = Standing(1000, 900, 60), Standing(10, 1, 30_000_000), Standing(100, -50, 90_000_001)
    assert tightest([wide, near]) == near
    assert tightest([wide, near, owing]) == owing
    assert tightest([]) is None
    assert headers(owing) == (
        (b"x-ratelimit-limit", b"100"),
        (b"x-ratelimit-remaining", b"0"),
        (b"x-ratelimit-reset", b"91"),
    )


def test_of_two_that_are_empty_the_one_that_takes_longer_is_shown() -> None:
    minute, hour = Standing(20, 0, 60_000_000), Standing(50, -3, 3_600_000_000)
    assert tightest([minute, hour]) == tightest([hour, minute]) == hour
