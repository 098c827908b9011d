"""policies.matching.finder: what waits may still become a match, and whatever cannot is cleared at once."""

from itertools import product
from random import Random

import pytest

from sluice.policies.matching import Finder, Pattern
from tests.policies.matching.oracle import expected
from tests.policies.matching.patterns import pattern as any_pattern

_PROSE = (
    "The quick brown fox jumps over the lazy dog; “why not?”, it asks. Größe, naïveté, 漢字も大丈夫です。 "
    "Nothing here is secret, and nobody waits: each piece leaves as it came.\n\n\tdef main() -> None: ...\n"
)
_DIGITS = (
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"\b(?:\d[ -]?){12,18}\d\b",
    r"\b\d{3}[ -]?\d{3}[ -]?\d{3}\b",
    r"\+\d{6,14}\b",
    r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}",
    "AKIA[0-9A-Z]{16}",
    "glpat-[0-9A-Za-z_-]{20,}",
)
_EMAIL = r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}"


def test_prose_never_waits_for_patterns_that_begin_with_what_is_not_in_it() -> None:
    search = Finder([Pattern(text=text) for text in _DIGITS[:4]]).search()
    for fed, letter in enumerate(_PROSE, 1):
        assert search.feed(letter) == []
        assert search.cleared == fed


def test_prose_waits_for_no_more_than_the_letters_with_which_a_pattern_begins() -> None:
    search = Finder([Pattern(text=text) for text in _DIGITS]).search()
    waited = []
    for fed, letter in enumerate(_PROSE, 1):
        search.feed(letter)
        waited.append(fed - search.cleared)
    assert max(waited) <= 2
    assert sorted(waited)[len(waited) // 2] == 0


def test_for_an_address_the_last_word_waits_and_nothing_before_it() -> None:
    search = Finder([Pattern(text=_EMAIL)]).search()
    for fed in range(1, len(_PROSE) + 1):
        search.feed(_PROSE[fed - 1])
        assert not set(_PROSE[search.cleared : fed]) & set(" \n\t;?,:(“”")


# A match of any of these is possible as long as a strand lives, since every class has a letter of the alphabet in it.
_FIXED = (
    "ab",
    "a*b",
    "ab+c",
    "a.b",
    "(?:ab|abc|c)",
    "a.*?c",
    "[ab]{2,3}c",
    "a(?:b|ca)*b",
    "(?:a|b)+?c",
    "aab|ab|bb",
    "c.?a",
)


@pytest.mark.parametrize("pattern", _FIXED)
def test_whatever_waits_is_the_beginning_of_a_match_in_some_text(pattern: str) -> None:
    finder = Finder([Pattern(text=pattern)])
    futures = ["".join(letters) for length in range(5) for letters in product("abc", repeat=length)]
    for letters in product("abc", repeat=5):
        text = "".join(letters)
        search = finder.search()
        for fed in range(1, len(text) + 1):
            search.feed(text[fed - 1])
            if search.cleared < fed:
                begins = (span[0] for future in futures for span in expected(text[:fed] + future, pattern))
                assert search.cleared in begins, (text[:fed], search.cleared)


def test_a_pattern_of_classes_holds_no_more_than_its_longest_match() -> None:
    rng = Random(4)
    for _ in range(100):
        parts = rng.choices(["a", "[ab]", "[^a]", ".", "a?", "(?:b|ca)"], k=rng.randint(1, 5))
        longest = sum(2 if part == "(?:b|ca)" else 1 for part in parts)
        search = Finder([Pattern(text="".join(parts))]).search()
        for fed in range(1, 60):
            search.feed(rng.choice("aabc\n"))
            assert fed - search.cleared < longest


def test_random_patterns_clear_all_when_the_text_is_complete() -> None:
    rng = Random(5)
    for _ in range(100):
        try:
            search = Finder([Pattern(text=any_pattern(rng, 3))]).search()
        except ValueError:
            continue
        search.feed("aab-c\n")
        search.finish()
        assert search.cleared == 6
