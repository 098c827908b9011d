"""policies.matching.rests: what is passed over in one go is what leaves nothing behind, letter by letter."""

from random import Random

import pytest

from sluice.policies.matching import Finder, Pattern, Unsupported, machine
from sluice.policies.matching.machine import Machine, State
from tests.policies.matching.patterns import pattern, text

_SECRETS = (r"sk-[a-z]{4}", r"\b[A-Z]{2}[0-9]{2}\b", r"eyJ[a-z]+", r"\b[a-z]{1,9}\.corp\b", "x+y")


def _machine(*patterns: str) -> Machine:
    return Finder([Pattern(text=each) for each in patterns])._machine


def _passed_over(rest: State, sample: str, at: int = 0) -> int:
    """Return how far a run goes, having looked that each letter read by itself leads to where it ends."""
    assert rest.run is not None
    found = rest.run(sample, at)
    assert found is not None
    state, alive = rest, list[int]()
    for place in range(at, found.end()):
        state, move = state[sample[place]]
        if move is not None:
            assert not move.events
            marks = [[start, start] for start in alive] + [[place, place] for _ in range(move.born)]
            alive = [start for start, _ in (move.keep(tuple(marks)) if move.keep else marks)]
        assert len(alive) == len(state.bundles)
    if found.end() == len(sample):
        assert state is rest
        assert not alive
    else:  # what the last letter has begun is gone with the next one
        (after, _), (expected, _) = state[sample[found.end()]], rest[sample[found.end()]]
        assert after is expected
    return found.end()


def test_a_word_that_no_pattern_knows_is_passed_over_whole() -> None:
    made = _machine(*_SECRETS)
    between, inside = made.resting(" "), made.resting("a")
    assert between is not inside
    assert _passed_over(inside, "streaming") == len("streaming")
    assert _passed_over(inside, "streaming, word by word") == len("streaming"), "behind it something else rests"
    assert _passed_over(between, "Streaming Gateways, ") == len("Streaming Gateways, ")
    assert _passed_over(between, "Streaming Gateways") == len("Streaming ")


def test_what_a_pattern_begins_with_is_left_to_the_machine() -> None:
    made = _machine(*_SECRETS)
    inside = made.resting("a")
    assert _passed_over(inside, "besk-abcd") == len("be")
    assert _passed_over(inside, "beyJa") == len("b")
    assert _passed_over(inside, "aaxxy") == len("aa"), "the match begins with the first x"
    assert _passed_over(made.resting(" "), "DE12") == 0
    assert _passed_over(made.resting(" "), "lower.corp") == 0


def test_without_demands_on_words_whole_texts_are_passed_over() -> None:
    made = _machine("sk-[a-z]{4}")
    assert made.resting(" ") is made.resting("a")
    assert _passed_over(made.initial(), "rests, whatever comes. ") == len("rests, whatever comes. ")


def test_there_is_no_run_where_nearly_all_begins_something() -> None:
    made = _machine(r"[\x00-\x7f]{3}é")
    assert made.runs == {}


@pytest.mark.parametrize("seed", range(8))
def test_runs_of_random_patterns_lead_where_their_letters_do(seed: int) -> None:
    rng = Random(seed)
    runs = far = 0
    while runs < 40:
        try:
            made = _machine(*[pattern(rng, rng.randint(1, 3)) for _ in range(rng.randint(1, 3))])
        except Unsupported:
            continue
        for rest in {id(made.resting(char)): made.resting(char) for char in " a"}.values():
            if rest.run is not None:
                runs += 1
                for _ in range(20):
                    sample = text(rng, 12) + rng.choice(("", " Zz", "ddd ", " d-d "))
                    far += _passed_over(rest, sample, rng.randint(0, 3)) > 0
    assert far > 100, "something was passed over, or nothing was compared"


def test_runs_outlive_a_cache_that_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = Finder([Pattern(text=each) for each in _SECRETS])
    made = finder._machine
    before = made.resting("a")
    monkeypatch.setattr(machine, "MAX_BYTES", 0)
    assert [span.start for span in finder.find("a clean text, and sk-abcd in itself")] == [18]
    assert made.resting("a") is not before
    assert made.resting("a").run is before.run
