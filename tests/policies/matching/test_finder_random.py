"""policies.matching.finder against `re`: thousands of patterns without sense, in texts without sense, cut at random."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.matching import Finder, Pattern, Unsupported
from tests.policies.matching.oracle import check
from tests.policies.matching.patterns import pattern, text


@pytest.mark.parametrize("seed", range(8))
def test_random_patterns_are_found_where_re_finds_them(seed: int) -> None:
    rng = Random(seed)
    refused = 0
    for _ in range(400):
        patterns = [Pattern(text=pattern(rng, rng.randint(1, 4)))]
        try:
            finder = Finder(patterns)
        except Unsupported:
            refused += 1  # a repeat of a place alone, which Python refuses too, or too many that may be empty
            continue
        for _ in range(4):
            check(text(rng), patterns, rng, finder)
    assert refused < 80


def _divisible(by: int) -> Callable[[str], bool]:
    return lambda match: sum(map(ord, match)) % by == 0


@pytest.mark.parametrize("seed", range(4))
def test_random_patterns_with_a_validator_are_found_where_they_should_be(seed: int) -> None:
    rng = Random(seed)
    checked = 0
    while checked < 150:
        accepted = rng.randint(2, 4)
        drawn = pattern(rng, rng.randint(1, 3), bounded=True)
        patterns = [Pattern(text=drawn, accepts=_divisible(accepted))]
        try:
            finder = Finder(patterns)
        except Unsupported:
            continue
        checked += 1
        for _ in range(6):
            check(text(rng), patterns, rng, finder)


@given(seed=st.integers(0, 2**32), sample=st.text(alphabet="ab-\n ſsK\u212aİı1", max_size=12))
def test_several_random_patterns_in_any_text(seed: int, sample: str) -> None:
    rng = Random(seed)
    patterns: list[Pattern] = []
    while len(patterns) < 3:
        drawn = Pattern(text=f"(?i){pattern(rng, 3)}" if rng.random() < 0.5 else pattern(rng, 3))
        try:
            Finder([drawn])
        except Unsupported:
            continue
        patterns.append(drawn)
    check(sample, patterns, rng)


@given(seed=st.integers(0, 2**32), sample=st.text(alphabet="ab-1\n ſsK\u212a", max_size=12))
def test_a_text_of_which_it_is_said_that_it_is_clean_has_nothing_in_it(seed: int, sample: str) -> None:
    rng = Random(seed)
    try:
        finder = Finder([Pattern(text=pattern(rng, 3)), Pattern(text="s1$|^K-")])
    except Unsupported:
        return
    assert not (finder.is_clean(sample) and finder.find(sample))


def test_most_texts_with_nothing_in_them_are_said_to_be_clean() -> None:
    finder = Finder([Pattern(text="sk-[a-z]{3,}"), Pattern(text="(?i)secret$"), Pattern(text=r"\b[0-9]{4}\b")])
    assert [
        word for word in ("", "name", "sk", "sk-ab", "secrets", "12345", "a 12 b") if not finder.is_clean(word)
    ] == []
    assert [finder.is_clean(word) for word in ("sk-abc", "a secret", "SECRET\n", "x 1234")] == [False] * 4
