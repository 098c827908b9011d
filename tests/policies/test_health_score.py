"""policies.health: the score by which targets are compared, and what it is made of."""

import pytest

from sluice.policies.health import FRESH_S, Health, TargetHealth


def resting(restore_health: float | None) -> TargetHealth:
    """A target that rests from second 0 to 10, after its first failure."""
    health = TargetHealth(Health(duration_s=10.0, consecutive_failures=1, restore_health=restore_health))
    assert health.ended("failure", 0.0, attempt=health.began(0.0))
    return health


def test_a_new_target_has_the_best_score() -> None:
    assert TargetHealth(Health()).score(0.0) == 1.0
    assert TargetHealth(Health()).score(1e6) == 1.0


def test_the_score_is_the_formula_of_the_lab() -> None:
    health = TargetHealth(Health())
    for result, latency_s in (("success", 2.0), ("failure", None), ("success", 1.0)):
        health.ended(result, 1.0, latency_s=latency_s, attempt=health.began(1.0))  # type: ignore[arg-type]
    health.began(1.0)
    health.began(1.0)
    average, latency = 0.7 + 0.3 * 0.3, 2.0 + 0.3 * (1.0 - 2.0)
    assert health.score(2.0) == pytest.approx(average / (1 + latency * (1 + 2 * 0.1)))


def test_an_attempt_without_a_head_leaves_the_latency_as_it_was() -> None:
    health = TargetHealth(Health())
    health.ended("success", 0.0, latency_s=1.0, attempt=health.began(0.0))
    health.ended("neutral", 0.0, attempt=health.began(0.0))
    assert health.score(0.0) == 0.5


def test_what_is_known_of_a_target_fades_only_while_nobody_asks_it() -> None:
    health = TargetHealth(Health())
    health.ended("failure", 0.0, latency_s=3.0, attempt=health.began(0.0))
    at_first = health.score(0.0)
    assert health.score(FRESH_S) == at_first
    assert health.score(2 * FRESH_S) == pytest.approx(0.85 / (1 + 1.5))
    assert health.score(1e9) == 1.0
    health.began(1e9)
    assert health.score(1e9) == pytest.approx(0.7 / (1 + 3.0 * 1.1))


def test_an_answer_that_ends_is_news_too() -> None:
    health = TargetHealth(Health())
    health.ended("success", 60.0, latency_s=3.0, attempt=health.began(0.0))
    assert health.score(60.0 + FRESH_S) == 0.25


def test_the_first_latency_after_a_long_silence_outweighs_the_old_ones() -> None:
    health = TargetHealth(Health())
    health.ended("success", 0.0, latency_s=8.0, attempt=health.began(0.0))
    health.ended("neutral", 90.0, attempt=health.began(90.0))  # measures nothing
    for latency_s, expected in ((1.0, 1 + 7 * 0.7 / 256), (2.0, None)):
        before = 1 / health.score(90.0) - 1
        health.ended("success", 90.0, latency_s=latency_s, attempt=health.began(90.0))
        after = 1 / health.score(90.0) - 1
        assert after == pytest.approx(before + 0.3 * (latency_s - before) if expected is None else expected)


def test_restore_health_is_the_average_after_a_rest() -> None:
    health = resting(0.5)
    assert health.score(9.0) == pytest.approx(0.7)
    assert health.score(10.0) == 0.5
    health.ended("success", 10.0, attempt=health.began(10.0))
    assert health.score(10.0) == pytest.approx(0.5 + 0.3 * 0.5)
    health = resting(1.0)
    health.ended("failure", 10.0, attempt=health.began(10.0))
    assert health.score(10.0) == pytest.approx(0.7)


def test_without_it_the_average_stays_as_it_was() -> None:
    health = resting(None)
    health.ended("success", 10.0, attempt=health.began(10.0))
    assert health.score(10.0) == pytest.approx(0.7 + 0.3 * 0.3)
