"""A place among the workers: how soon it is taken again, and how an end is named."""

import pytest

from sluice.net.member import LONGEST_PAUSE_S, STEADY_S, Backoff, ending


def test_the_first_loss_is_replaced_at_once_and_a_crash_loop_slows_down() -> None:
    backoff = Backoff()
    pauses = [backoff.after(0.3) for _ in range(9)]
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert max(pauses) == LONGEST_PAUSE_S


def test_who_lived_long_is_replaced_at_once_whatever_was_before() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(0.3)
    assert backoff.after(STEADY_S) == 0.0
    assert backoff.after(0.3) == 0.5


@pytest.mark.parametrize(
    ("status", "words"), [(0, "status 0"), (3, "status 3"), (-9, "SIGKILL"), (-11, "SIGSEGV"), (-99, "signal 99")]
)
def test_an_end_is_named(status: int, words: str) -> None:
    assert ending(status) == words
