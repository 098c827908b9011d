"""A token bucket never gives more than it may, and never keeps what it owes."""

from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.bucket import Bucket, filled, full_us, takes, wait_us
from sluice.policies.limiting import Rate

SECOND = 1_000_000

RATES = st.builds(
    lambda fill, more, interval: Rate(id="r", name="r", capacity=fill + more, fill=fill, interval_us=interval),
    st.integers(1, 50),
    st.integers(0, 50),
    st.integers(1, 5 * SECOND),
)


def rate(capacity: int = 10, fill: int = 10, interval_s: float = 60) -> Rate:
    return Rate(id="r", name="r", capacity=capacity, fill=fill, interval_us=int(interval_s * SECOND))


@given(RATES, st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 60)), max_size=60))
def test_never_more_is_taken_than_capacity_and_refill(rate: Rate, asks: list[tuple[int, int]]) -> None:
    bucket, now, taken = Bucket(rate, 0), 0, []
    for pause, amount in asks:
        now += pause
        bucket.fill(now)
        got = takes(bucket.level, amount, amount, partial=False)
        if got > 0:
            bucket.level -= got
            taken.append((now, got))
    for index, (since, _) in enumerate(taken):
        for last in range(index, len(taken)):
            until = taken[last][0]
            allowed = rate.capacity + rate.fill * ((until - since) // rate.interval_us + 1)
            assert sum(got for _, got in taken[index : last + 1]) <= allowed


@given(RATES, st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(-80, 80)), max_size=60))
def test_a_level_stays_below_the_capacity_and_time_never_takes_from_it(
    rate: Rate, gives: list[tuple[int, int]]
) -> None:
    bucket, now = Bucket(rate, 0), 0
    for pause, tokens in gives:
        now += pause
        before = bucket.level
        bucket.fill(now)
        assert before <= bucket.level <= rate.capacity
        before = bucket.level
        bucket.give(tokens)
        assert bucket.level == min(rate.capacity, before + tokens)


@given(RATES, st.integers(-100, 50), st.integers(0, 10**9), st.integers(1, 50), st.integers(0, 5 * SECOND))
def test_the_wait_that_is_told_is_exact(rate: Rate, level: int, since: int, needs: int, later: int) -> None:
    level, needs = min(level, rate.capacity), min(needs, rate.capacity)
    level, since = filled(rate, level, since, since + later)
    now = since + later if since <= later else since
    level, since = filled(rate, level, since, now)
    wait = wait_us(rate, level, since, now, needs)
    if level >= needs:
        assert wait == 0
    else:
        assert filled(rate, level, since, now + wait)[0] >= needs
        assert filled(rate, level, since, now + wait - 1)[0] < needs


@given(RATES, st.integers(-100, 50), st.integers(0, 10**9))
def test_it_is_full_when_it_says_and_not_before(rate: Rate, level: int, since: int) -> None:
    level = min(level, rate.capacity - 1)
    full = full_us(rate, level, since)
    assert filled(rate, level, since, full)[0] == rate.capacity
    assert filled(rate, level, since, full - 1)[0] < rate.capacity


def test_fills_come_all_at_once_after_each_interval() -> None:
    bucket = Bucket(rate(10, 4, 60), 0)
    bucket.level = 0
    for second, level in ((59, 0), (60, 4), (119, 4), (120, 8), (180, 10)):
        bucket.fill(second * SECOND)
        assert bucket.level == level


def test_the_interval_of_a_full_bucket_begins_when_something_is_taken() -> None:
    bucket = Bucket(rate(10, 10, 60), 0)
    bucket.fill(59 * SECOND)
    bucket.level -= 10
    bucket.fill(61 * SECOND)
    assert bucket.level == 0  # not a full bucket at second 59 and another one at 60
    bucket.fill(119 * SECOND)
    assert bucket.level == 10


def test_what_is_owed_is_paid_from_the_next_fills() -> None:
    bucket = Bucket(rate(10, 10, 60), 0)
    bucket.give(-35)
    assert bucket.level == -25
    assert wait_us(bucket.rate, bucket.level, bucket.since_us, 0, 1) == 180 * SECOND
    bucket.fill(120 * SECOND)
    assert bucket.level == -5


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    bucket = Bucket(rate(10, 10, 60), 1000 * SECOND)
    bucket.level = 0
    bucket.fill(10 * SECOND)
    assert bucket.level == 0
    bucket.fill(70 * SECOND)
    assert bucket.level == 10


def test_a_partial_draw_takes_what_is_there_and_a_whole_one_may_owe() -> None:
    assert takes(7, 100, 1, partial=True) == 7
    assert takes(7, 100, 1, partial=False) == 100
    assert takes(0, 100, 1, partial=True) == -1
    assert takes(7, 100, 8, partial=False) == -1
