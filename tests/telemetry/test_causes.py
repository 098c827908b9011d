"""Words of closed sets, from what a record says in sentences."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import Phase, TimedOut
from sluice.telemetry.causes import abandoned, timeout_phase

from .records import STREAM, stream


@pytest.mark.parametrize("phase", get_args(Phase))
def test_each_clock_is_told_by_its_sentence(phase: Phase) -> None:
    assert timeout_phase(stream(outcome="timeout", error=str(TimedOut(phase)))) == phase


@pytest.mark.parametrize("phase", get_args(Phase))
def test_of_several_attempts_the_code_of_the_last_one_tells_it_whatever_the_sentence_adds(phase: Phase) -> None:
    tried = f"first;timeout_connect, second;{TimedOut(phase).code}"
    error = f"{TimedOut(phase)} (asked: first;timeout_connect, second;200)"
    assert timeout_phase(stream(outcome="timeout", error=error, attempts=2, tried=tried)) == phase
    assert timeout_phase(stream(outcome="timeout", error=error, attempts=2, tried="first;503, second;502")) == "unknown"


def test_a_clock_that_the_record_does_not_name_is_unknown_and_no_clock_is_empty() -> None:
    assert timeout_phase(stream(outcome="timeout", error="something else")) == "unknown"
    assert timeout_phase(STREAM) == ""
    assert timeout_phase(stream(outcome="upstream_error", error=str(TimedOut("idle")))) == ""


@pytest.mark.parametrize(
    ("tried", "given_up"),
    [
        ("", []),
        ("first;429, second;200", [("first", "429")]),
        ("first;timeout_connect, second;529, first;503", [("first", "timeout_connect"), ("second", "529")]),
        ("eu;west;429, us, east;upstream_truncated, b;200", [("eu;west", "429"), ("us, east", "upstream_truncated")]),
    ],
)
def test_all_but_the_last_attempt_were_given_up(tried: str, given_up: list[tuple[str, str]]) -> None:
    assert abandoned(stream(tried=tried)) == given_up


NAMES = st.text(alphabet=st.characters(exclude_characters=";\n"), min_size=1, max_size=20)
RESULTS = st.sampled_from(["429", "503", "529", "upstream_unreachable", "timeout_first_token"])


@given(st.lists(st.tuples(NAMES, RESULTS), min_size=2, max_size=6))
def test_whatever_targets_are_called_their_attempts_are_told_apart(attempts: list[tuple[str, str]]) -> None:
    tried = ", ".join(f"{name};{result}" for name, result in attempts)
    assert abandoned(stream(tried=tried)) == attempts[:-1]
