"""policies.matching.machine: a cache that is thrown away changes nothing, and one that is not stays small."""

from random import Random

import pytest

from sluice.policies.matching import Finder, Pattern, machine
from sluice.policies.matching.machine import Machine
from sluice.policies.matching.program import Program
from tests.policies.matching.oracle import check
from tests.policies.matching.patterns import text

_PATTERNS = ("a[ab]{2,4}c", r"\b\w+\b", "(?:a|b)*?c", r"[^a]+$", "b.?b")


@pytest.mark.parametrize("most", [0, 3_000, 20_000])
def test_a_cache_that_is_thrown_away_in_the_middle_of_a_text_loses_nothing(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "MAX_BYTES", most)
    rng = Random(most)
    patterns = [Pattern(text=pattern) for pattern in _PATTERNS] + [
        Pattern(text="[ab]{2,3}", accepts=lambda found: "b" in found)
    ]
    finder = Finder(patterns)
    for _ in range(60):
        check(text(rng, 30), patterns, rng, finder)


def _run(made: Machine, sample: str) -> int:
    """Return in how many states a text was."""
    state = made.initial()
    seen = {id(state)}
    for letter in sample:
        state, _ = state[letter]
        seen.add(id(state))
    return len(seen)


def _machine(*patterns: str) -> Machine:
    program = Program()
    firsts = [program.add(pattern)[0] for pattern in patterns]
    return Machine(program, firsts, frozenset())


def test_a_later_beginning_of_the_same_is_dropped() -> None:
    assert _run(_machine("[a-z]+@[a-z]+"), "abcdefghij klm nop") == 2
    assert _run(_machine("(a+)+b"), "a" * 1000) == 3


def test_a_match_ends_what_began_inside_it() -> None:
    made = _machine("a{1,1000}")
    state = made.initial()
    for _ in range(500):
        state, _ = state["a"]
        assert len(state.bundles) == 1


def test_all_characters_of_one_kind_share_what_was_found_out() -> None:
    initial = _machine(r"\d{3}", "x").initial()
    assert initial["漢"] is initial["é"]
    assert initial["a"] is initial["z"]
    assert initial["x"] is not initial["z"]


def test_what_changes_nothing_costs_nothing() -> None:
    state = _machine(r"\d{3}").initial()
    after, move = state["a"]
    assert move is None
    assert after["b"] == (after, None)
