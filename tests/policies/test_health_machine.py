"""policies.health under any order of attempts, ends and times: never stuck, never two that go to see, no rest lost."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from sluice.policies.health import MAX_REST_S, Health, Result, TargetHealth

_POLICIES = st.builds(
    Health,
    duration_s=st.floats(1, 5000),
    consecutive_failures=st.none() | st.integers(0, 4),
    health_threshold=st.none() | st.floats(0, 1),
    restore_health=st.none() | st.floats(0, 1),
)
_WORDS = st.none() | st.sampled_from([-1.0, 0.0, 1.0, 60.0, 1e9, math.nan, math.inf])


class AnyLife(RuleBasedStateMachine):
    """Attempts begin whether they may or not: a caller with nobody else left asks a resting target too."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.health = TargetHealth(Health())
        self.policy = Health()
        self.live: set[int] = set()
        self.newest = 0
        self.set_at = 0
        """The newest attempt when the rest was set."""
        self.went_to_see: int | None = None
        self.went: set[int] = set()
        """All that went to see since the rest, the answered ones included."""

    @precondition(lambda self: not self.newest)
    @rule(policy=_POLICIES, now=st.floats(0, 1e6))
    def configured(self, policy: Health, now: float) -> None:
        self.policy, self.now = policy, now
        self.health = TargetHealth(policy)

    @rule(seconds=st.floats(0, 10_000) | st.just(0.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.health.rests_until)
    @rule()
    def the_rest_ends(self) -> None:
        self.now = max(self.now, self.health.rests_until)

    @rule(target=attempts)
    def begins(self) -> int:
        half_open = 0 < self.health.rests_until <= self.now
        may = self.health.may_be_asked(self.now)
        assert may == (not self.health.rests_until or (half_open and self.went_to_see is None))
        number = self.health.began(self.now)
        assert number > self.newest
        self.newest = number
        self.live.add(number)
        if half_open and may:
            self.went_to_see = number
            self.went.add(number)
            assert not self.health.may_be_asked(self.now)
        return number

    @rule(number=attempts)
    def answers(self, number: int) -> None:
        """A head came: the next one may go to see."""
        self.health.answered(number)
        if number == self.went_to_see:
            self.went_to_see = None

    @rule(number=consumes(attempts), result=st.sampled_from(["success", "failure", "neutral"]), rest_s=_WORDS)
    def ends(self, number: int, result: Result, rest_s: float | None) -> None:
        health, before = self.health, self.health.rests_until
        resting, counts, probe = self.now < before, number > self.set_at, number in self.went
        asked = rest_s if rest_s is not None and rest_s > 0 else None
        went = health.ended(result, self.now, rest_s=rest_s, latency_s=0.5, attempt=number)
        after = health.rests_until
        self.live.discard(number)

        opened = result == "success" and counts
        if opened:
            resting, before = False, 0.0
        if asked is not None:
            wanted = self.now + min(asked, MAX_REST_S)
            assert after == (max(before, wanted) if resting else wanted)
            assert went == (not resting)
        elif result == "failure" and counts and (probe or not before):
            if probe:
                assert went  # whatever the counters
            if went:
                assert self.policy.duration_s <= after - self.now + 1e-6
                assert after <= self.now + max(self.policy.duration_s, MAX_REST_S)
            else:
                assert after == before
        else:
            assert not went
            assert after == before
        if after != before or opened or went:
            self.went_to_see = None
            self.went.clear()
        elif number == self.went_to_see:
            self.went_to_see = None
        self.went.discard(number)
        if went or (after > before and resting):
            self.set_at = self.newest

    @invariant()
    def it_counts_what_is_under_way(self) -> None:
        assert self.health.pending == len(self.live)

    @invariant()
    def its_score_is_between_none_and_all(self) -> None:
        assert 0.0 <= self.health.score(self.now) <= 1.0

    @invariant()
    def it_never_waits_for_an_attempt_that_is_not_there(self) -> None:
        if not self.live:
            assert self.health.may_be_asked(max(self.now, self.health.rests_until))

    def teardown(self) -> None:
        """Whatever happened: when all has ended and time has passed it is asked, and one success makes it well."""
        for number in sorted(self.live):
            self.health.ended("neutral", self.now, attempt=number)
        self.now = max(self.now, self.health.rests_until)
        assert self.health.may_be_asked(self.now)
        self.health.ended("success", self.now, attempt=self.health.began(self.now))
        assert self.health.rests_until == 0.0
        assert self.health.pending == 0


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
