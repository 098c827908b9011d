"""policies.balance: the weighted choice among backends, and the power of two choices among targets."""

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.balance import choose, pick
from sluice.policies.health import Health, TargetHealth


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


# -- targets ----------------------------------------------------------------------------------------------------------


def target(latency_s: float = 0.1, *, failures: int = 0, pending: int = 0) -> TargetHealth:
    """One that was measured at second 0, and never rests."""
    health = TargetHealth(Health(consecutive_failures=0))
    health.ended("success", 0.0, attempt=health.began(0.0), latency_s=latency_s)
    for _ in range(failures):
        health.ended("failure", 0.0, attempt=health.began(0.0))
    for _ in range(pending):
        health.began(0.0)
    return health


def dice(*numbers: float) -> Callable[[], float]:
    rolls: Iterator[float] = iter(numbers)
    return lambda: next(rolls)


def shares(candidates: list[TargetHealth], rolls: int = 6000) -> list[float]:
    """Which share each gets while nothing changes."""
    die = random.Random(7).random
    chosen = Counter(choose(candidates, 0.0, die) for _ in range(rolls))
    return [chosen[index] / rolls for index in range(len(candidates))]


def test_for_one_candidate_no_die_is_rolled() -> None:
    assert choose([target()], 0.0, dice()) == 0


def test_for_several_it_is_rolled_twice() -> None:
    with pytest.raises(StopIteration):
        choose([target(), target()], 0.0, dice(0.5))
    choose([target(), target(), target()], 0.0, dice(0.5, 0.5))


@pytest.mark.parametrize("count", [2, 3, 5, 16])
def test_any_two_different_ones_meet_and_the_better_wins(count: int) -> None:
    candidates = [target(0.1 * (index + 1)) for index in range(count)]
    met = Counter[int]()
    for first in range(count):
        for second in range(count - 1):
            met[choose(candidates, 0.0, dice((first + 0.5) / count, (second + 0.5) / (count - 1)))] += 1
    assert met == Counter({index: 2 * (count - 1 - index) for index in range(count - 1)})  # each beats all after it


@pytest.mark.parametrize("count", [2, 3, 4])
def test_equals_share_evenly(count: int) -> None:
    assert shares([target() for _ in range(count)]) == pytest.approx([1 / count] * count, abs=0.03)


def test_of_four_the_failing_one_gets_nothing_and_the_busy_one_less() -> None:
    good, failing, busy, other = shares([target(), target(failures=4), target(pending=30), target()])
    assert failing == 0
    assert busy == pytest.approx(1 / 6, abs=0.03)  # it meets the failing one in one of six draws
    assert good == pytest.approx(other, abs=0.03)


@given(st.integers(2, 20), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_the_choice_is_always_one_of_the_candidates(count: int, one: float, two: float) -> None:
    assert 0 <= choose([target() for _ in range(count)], 0.0, dice(one, two)) < count


# -- targets at work --------------------------------------------------------------------------------------------------


class Farm:
    """Targets that answer after their latency, or fail; requests come at a steady rate. Seeded, without a clock."""

    def __init__(self, latencies_s: list[float], fails: tuple[int, ...] = ()) -> None:
        self.latencies_s = latencies_s
        self.fails = set(fails)
        self.targets = [TargetHealth(Health(consecutive_failures=0)) for _ in latencies_s]
        self.now = 0.0
        self.answers: list[tuple[float, int, int]] = []
        self._die = random.Random(11).random

    def run(self, seconds: float, per_second: int) -> list[int]:
        """Return how many requests each got."""
        got = [0] * len(self.targets)
        for _ in range(int(seconds * per_second)):
            self.now += 1 / per_second
            self._answer()
            index = choose(self.targets, self.now, self._die)
            got[index] += 1
            attempt = self.targets[index].began(self.now)
            self.answers.append((self.now + self.latencies_s[index], index, attempt))
        return got

    def _answer(self) -> None:
        due = sorted(answer for answer in self.answers if answer[0] <= self.now)
        self.answers = [answer for answer in self.answers if answer[0] > self.now]
        for at, index, attempt in due:
            result = "failure" if index in self.fails else "success"
            self.targets[index].ended(result, at, latency_s=self.latencies_s[index], attempt=attempt)  # type: ignore[arg-type]


def test_equal_targets_get_equal_work() -> None:
    got = Farm([0.3, 0.3, 0.3]).run(60, 50)
    assert min(got) > 0.25 * sum(got)


def test_a_slow_target_gets_little_but_something() -> None:
    got = Farm([0.2, 0.2, 3.0]).run(120, 50)
    assert 0 < got[2] < 0.1 * sum(got)
    assert abs(got[0] - got[1]) < 0.1 * sum(got)


def test_a_failing_target_gets_little_and_its_share_back_when_it_is_well() -> None:
    farm = Farm([0.3, 0.3], fails=(1,))
    sick = farm.run(60, 20)
    assert sick[1] < 0.05 * sum(sick)
    farm.fails.clear()
    farm.run(240, 20)
    well = farm.run(60, 20)
    assert min(well) > 0.35 * sum(well)


def test_one_slow_answer_long_ago_is_not_the_last_thing_heard_of_a_target() -> None:
    farm = Farm([0.3, 0.3])
    farm.targets[1].ended("success", 0.0, attempt=farm.targets[1].began(0.0), latency_s=8.0)
    early = farm.run(10, 10)
    assert early[1] == 0
    farm.run(240, 10)
    late = farm.run(60, 10)
    assert min(late) > 0.35 * sum(late)


def test_under_load_the_slow_helps_the_quick() -> None:
    quiet, busy = Farm([0.5, 1.5]).run(60, 2), Farm([0.5, 1.5]).run(60, 200)
    assert quiet[1] / sum(quiet) < 0.05
    assert 0.07 < busy[1] / sum(busy) < 0.25
