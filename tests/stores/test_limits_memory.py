"""Counters of one process: how many keys are remembered, and whom it forgets."""

from sluice.gateway.limits_ports import Draw
from sluice.policies.rate_limit import Cost
from sluice.stores.limits_memory import LOOKED_AT, MemoryCounters
from tests.stores.counting import draw, rate


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def level(counters: MemoryCounters, number: int, now: float = 1.0) -> int:
    return counters.take([Draw(rate(), key(number), Cost(0, 1 << 40))], [], now).drawn[0].level


def test_beyond_the_bound_a_full_bucket_is_forgotten_before_one_that_was_used() -> None:
    counters = MemoryCounters(max_buckets=LOOKED_AT // 2)
    counters.take([Draw(rate(), key(1), Cost(10))], [], 1.0)
    for number in range(2, 1000):
        counters.take([Draw(rate(), key(number), Cost(0))], [], 1.0)
    assert level(counters, 1) == 0


def test_nobody_gets_a_new_bucket_by_filling_the_table_with_fuller_ones() -> None:
    counters = MemoryCounters(max_buckets=LOOKED_AT // 2)
    counters.take([Draw(rate(), key(1), Cost(10))], [], 1.0)
    counters.put_back([(Draw(rate(), key(1), Cost(0)), -50)], [], 1.0)
    for number in range(2, 1000):
        counters.take([Draw(rate(), key(number), Cost(9))], [], 1.0)
    assert level(counters, 1) == -50


def test_places_that_were_left_take_no_memory() -> None:
    counters = MemoryCounters()
    limits = [draw(key=f"k{number}") for number in range(100)]
    assert all(counters.take([limit], [], 1.0).admitted for limit in limits)
    assert not counters._places
