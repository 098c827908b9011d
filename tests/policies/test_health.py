"""policies.health: when a target rests, for how long, and who goes to see whether it is well."""

import pytest

from sluice.policies.health import MAX_REST_S, Health, Result, TargetHealth


def fed(health: TargetHealth, *results: Result, now: float = 0.0) -> list[bool]:
    """One attempt after the other."""
    return [health.ended(result, now, attempt=health.began(now)) for result in results]


def times(result: Result, count: int) -> list[Result]:
    return [result] * count


def resting(seconds: float = 10.0, **policy: float) -> TargetHealth:
    """A target that rests for so long from second 0, after its first failure."""
    health = TargetHealth(Health(duration_s=seconds, consecutive_failures=1, **policy))  # type: ignore[arg-type]
    assert fed(health, "failure") == [True]
    return health


# -- when it rests ----------------------------------------------------------------------------------------------------


def test_five_failures_in_a_row_begin_a_rest_if_nothing_is_said() -> None:
    health = TargetHealth(Health())
    assert fed(health, *times("failure", 5), now=100.0) == [False, False, False, False, True]
    assert health.rests_until == 103.0
    assert not health.may_be_asked(102.9)


def test_a_success_between_failures_begins_the_count_anew() -> None:
    health = TargetHealth(Health(consecutive_failures=2))
    assert fed(health, "failure", "success", "failure", "neutral", "failure") == [False, False, False, False, True]


def test_neutral_attempts_say_nothing() -> None:
    health = TargetHealth(Health(consecutive_failures=1, health_threshold=1.0))
    assert not any(fed(health, *times("neutral", 50)))
    assert (health.score(0.0), health.rests_until, health.pending) == (1.0, 0.0, 0)


def test_an_average_below_the_threshold_begins_a_rest_whatever_the_row() -> None:
    health = TargetHealth(Health(health_threshold=0.5))
    assert fed(health, "failure", "success", "failure", "failure") == [False, False, False, True]  # .7 .79 .553 .387


def test_with_a_threshold_alone_no_number_of_failures_counts() -> None:
    health = TargetHealth(Health(health_threshold=0.001))
    assert not any(fed(health, *times("failure", 19)))  # 0.7 ** 19 = 0.0011
    assert fed(health, "failure") == [True]


def test_with_both_the_first_that_is_reached_counts() -> None:
    assert fed(TargetHealth(Health(consecutive_failures=2, health_threshold=0.1)), "failure", "failure") == [
        False,
        True,
    ]
    assert fed(TargetHealth(Health(consecutive_failures=9, health_threshold=0.9)), "failure") == [True]


@pytest.mark.parametrize("threshold", [None, 0.0])
def test_zero_switches_a_rule_off(threshold: float | None) -> None:
    health = TargetHealth(Health(consecutive_failures=0, health_threshold=threshold))
    assert not any(fed(health, *times("failure", 100)))


# -- for how long -----------------------------------------------------------------------------------------------------


def test_each_further_rest_is_longer_by_the_first_until_an_attempt_succeeds() -> None:
    health = resting(10.0)
    lengths = []
    for _ in range(3):
        now = health.rests_until
        assert fed(health, "failure", now=now) == [True]
        lengths.append(health.rests_until - now)
    assert lengths == [20.0, 30.0, 40.0]
    fed(health, "success", now=200.0)
    assert fed(health, "failure", now=300.0) == [True]
    assert health.rests_until == 310.0


def test_a_target_that_is_down_for_a_day_is_still_asked_once_an_hour() -> None:
    health = resting(600.0)
    for _ in range(20):
        now = health.rests_until
        fed(health, "failure", now=now)
        assert health.rests_until - now <= MAX_REST_S
    assert health.rests_until - now == MAX_REST_S


def test_an_operator_may_want_longer_rests_than_an_hour() -> None:
    health = resting(7200.0)
    assert health.rests_until == 7200.0
    fed(health, "failure", now=7200.0)
    assert health.rests_until == 14400.0


@pytest.mark.parametrize("result", ["failure", "neutral", "success"])
def test_the_providers_word_begins_a_rest_at_once_whatever_the_counters(result: Result) -> None:
    health = TargetHealth(Health())
    assert health.ended(result, 5.0, rest_s=60.0, attempt=health.began(0.0))
    assert health.rests_until == 65.0
    assert not health.may_be_asked(64.9)
    assert health.may_be_asked(65.0)


def test_the_providers_word_stands_in_place_of_the_policys_duration() -> None:
    health = TargetHealth(Health(duration_s=60.0, consecutive_failures=1))
    assert health.ended("failure", 0.0, rest_s=2.0, attempt=health.began(0.0))
    assert health.rests_until == 2.0


@pytest.mark.parametrize("rest_s", [0.0, -1.0, float("nan")])
def test_a_word_that_is_no_time_leaves_it_to_the_counters(rest_s: float) -> None:
    health = TargetHealth(Health(duration_s=3.0, consecutive_failures=2))
    assert not health.ended("failure", 0.0, rest_s=rest_s, attempt=health.began(0.0))
    assert health.ended("failure", 0.0, rest_s=rest_s, attempt=health.began(0.0))
    assert health.rests_until == 3.0


@pytest.mark.parametrize("rest_s", [3601.0, 1e300, float("inf")])
def test_no_provider_gets_more_than_an_hour(rest_s: float) -> None:
    health = TargetHealth(Health())
    assert health.ended("failure", 0.0, rest_s=rest_s, attempt=health.began(0.0))
    assert health.rests_until == MAX_REST_S == 3600.0


def test_during_a_rest_the_providers_word_may_make_it_longer_but_not_shorter() -> None:
    health = resting(10.0)
    assert not health.ended("failure", 1.0, rest_s=5.0, attempt=health.began(1.0))
    assert health.rests_until == 10.0
    assert not health.ended("failure", 1.0, rest_s=30.0, attempt=health.began(1.0))
    assert health.rests_until == 31.0
    fed(health, "failure", now=31.0)
    assert health.rests_until == 51.0  # the second rest: to make one longer is no further one


# -- half-open --------------------------------------------------------------------------------------------------------


def test_after_a_rest_one_attempt_goes_and_its_success_opens() -> None:
    health = resting(10.0)
    assert not health.may_be_asked(9.99)
    assert health.may_be_asked(10.0)
    first = health.began(10.0)
    assert not health.may_be_asked(10.0)
    assert not health.may_be_asked(1000.0)
    assert not health.ended("success", 11.0, attempt=first)
    assert health.rests_until == 0.0
    health.began(11.0)
    assert health.may_be_asked(11.0)


def test_its_failure_begins_a_longer_rest_however_many_failures_are_allowed() -> None:
    health = TargetHealth(Health(consecutive_failures=3, duration_s=10.0))
    fed(health, "failure", "failure", "failure")
    assert fed(health, "failure", now=10.0) == [True]
    assert health.rests_until == 30.0


def test_a_neutral_end_lets_the_next_one_go() -> None:
    health = resting(10.0)
    fed(health, "neutral", now=10.0)
    assert health.may_be_asked(10.0)
    second = health.began(11.0)
    assert not health.may_be_asked(11.0)
    assert health.ended("failure", 12.0, attempt=second)


def test_the_end_of_another_attempt_does_not_free_the_place_of_the_one_that_went() -> None:
    health = TargetHealth(Health(consecutive_failures=1, duration_s=10.0))
    old = health.began(0.0)
    fed(health, "failure")
    first = health.began(10.0)
    health.ended("neutral", 11.0, attempt=old)
    assert not health.may_be_asked(11.0)
    health.ended("neutral", 12.0, attempt=first)
    assert health.may_be_asked(12.0)


def test_a_hundred_requests_that_hang_on_a_dead_target_are_one_rest() -> None:
    health = TargetHealth(Health(duration_s=3.0))
    hanging = [health.began(0.0) for _ in range(100)]
    assert [health.ended("failure", 1.0, attempt=attempt) for attempt in hanging[:50]].count(True) == 1
    assert health.rests_until == 4.0
    fed(health, "success", now=4.0)
    assert not any(health.ended("failure", 60.0, attempt=attempt) for attempt in hanging[50:])
    assert health.may_be_asked(60.0)
    assert fed(health, *times("failure", 5), now=61.0)[-1]
    assert health.rests_until == 64.0


def test_an_old_success_does_not_end_a_rest_and_one_that_began_in_it_does() -> None:
    health = TargetHealth(Health(consecutive_failures=1, duration_s=10.0))
    old = health.began(0.0)
    fed(health, "failure")
    health.ended("success", 1.0, attempt=old)
    assert health.rests_until == 10.0
    asked_nevertheless = health.began(2.0)
    health.ended("success", 3.0, attempt=asked_nevertheless)
    assert health.rests_until == 0.0
    fed(health, "failure", now=4.0)
    assert health.rests_until == 14.0  # the count of rests began anew


def test_a_success_from_before_the_providers_word_does_not_end_that_rest() -> None:
    health = resting(10.0)
    earlier, later = health.began(1.0), health.began(1.0)
    health.ended("failure", 2.0, rest_s=60.0, attempt=later)
    health.ended("success", 3.0, attempt=earlier)
    assert health.rests_until == 62.0


def test_failures_during_a_rest_make_it_neither_longer_nor_a_further_one() -> None:
    health = resting(10.0)
    assert not any(fed(health, *times("failure", 50), now=5.0))
    assert health.rests_until == 10.0
    late = health.began(9.0)
    assert not health.ended("failure", 11.0, attempt=late)  # nor do those of attempts that began in it
    fed(health, "failure", now=12.0)
    assert health.rests_until == 32.0


def test_once_it_answers_the_next_may_go_though_the_stream_goes_on_and_its_breaking_still_counts() -> None:
    health = TargetHealth(Health(consecutive_failures=1, duration_s=10.0))
    health.ended("failure", 0.0, attempt=health.began(0.0))
    first = health.began(11.0)
    assert not health.may_be_asked(11.0)
    health.answered(first)
    assert health.may_be_asked(11.0)
    second = health.began(11.0)
    assert not health.may_be_asked(11.0)
    assert health.ended("failure", 12.0, attempt=first)
    assert health.rests_until == 32.0
    assert not health.ended("failure", 12.0, attempt=second)
