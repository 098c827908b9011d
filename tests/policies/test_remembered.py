"""policies.remembered: nothing is returned too late, nothing is kept beyond the bound."""

from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.remembered import Remembered


def test_a_value_is_returned_until_its_time_is_over() -> None:
    memory: Remembered[str] = Remembered(2)
    memory.keep("a", "x", 10.0)
    assert memory.get("a", 9.999) == "x"
    assert memory.get("a", 10.0) is None
    assert len(memory) == 0
    assert memory.get("b", 0.0) is None


def test_the_longest_unused_is_forgotten_first() -> None:
    memory: Remembered[int] = Remembered(2)
    memory.keep("a", 1, 9.0)
    memory.keep("b", 2, 9.0)
    assert memory.get("a", 0.0) == 1
    memory.keep("c", 3, 9.0)
    assert [memory.get(key, 0.0) for key in "abc"] == [1, None, 3]


def test_what_is_kept_anew_replaces_and_what_is_forgotten_is_gone() -> None:
    memory: Remembered[int] = Remembered(2)
    memory.keep("a", 1, 5.0)
    memory.keep("a", 2, 9.0)
    assert memory.get("a", 6.0) == 2
    memory.forget("a")
    memory.forget("b")
    assert memory.get("a", 6.0) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 20), st.floats(0, 20))), st.integers(1, 5))
def test_it_never_holds_more_and_never_returns_what_is_over(steps: list[tuple[int, float, float]], bound: int) -> None:
    memory: Remembered[float] = Remembered(bound)
    for key, until, now in steps:
        memory.keep(key, until, until)
        assert len(memory) <= bound
        found = memory.get(key, now)
        assert found == (until if now < until else None)
