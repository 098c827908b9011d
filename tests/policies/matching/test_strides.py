"""policies.matching.machine: words that are remembered change nothing but the time that they take."""

from random import Random

import pytest

from sluice.policies.matching import Finder, Pattern, Span, Unsupported, machine
from tests.policies.matching.patterns import pattern, text


def _read(finder: Finder, pieces: list[str]) -> list[tuple[list[Span], int]]:
    """Return what came out with each piece, and how far all was known then."""
    search = finder.search()
    said = [(search.feed(piece), search.cleared) for piece in pieces]
    return [*said, (search.finish(), search.cleared)]


def _letter_by_letter(finder: Finder, pieces: list[str]) -> list[tuple[list[Span], int]]:
    """The same with every character a piece, as machines read that remember no words."""
    search, said = finder.search(), list[tuple[list[Span], int]]()
    for piece in pieces:
        said.append(([span for letter in piece for span in search.feed(letter)], search.cleared))
    return [*said, (search.finish(), search.cleared)]


def _spans(said: list[tuple[list[Span], int]]) -> list[Span]:
    return sorted((span for spans, _ in said for span in spans), key=lambda span: (span.start, span.pattern))


@pytest.mark.parametrize("seed", range(6))
def test_a_word_that_was_met_before_leads_where_its_letters_do(seed: int) -> None:
    rng = Random(seed)
    compared = strode = 0
    while compared < 150:
        drawn = [pattern(rng, rng.randint(1, 3), bounded=True) for _ in range(rng.randint(1, 3))]
        accepts = (lambda found: len(found) % 2 == 0) if seed % 2 else None
        try:
            patterns = [Pattern(text=each, accepts=accepts) for each in drawn]
            finder, plain = Finder(patterns), Finder(patterns)
        except Unsupported:
            continue
        compared += 1
        words = [text(rng, 9) for _ in range(4)]
        for _ in range(8):
            pieces = [rng.choice(words) + rng.choice(("", " ", " ab-abc cba abc")) for _ in range(5)]
            said, expected = _read(finder, pieces), _letter_by_letter(plain, pieces)
            assert _spans(said) == _spans(expected), (drawn, pieces)
            assert [known for _, known in said] == [known for _, known in expected], (drawn, pieces)
        strode += finder._machine._strides > 0
    assert strode > 100, "words were remembered, or nothing was compared"


def test_what_is_remembered_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MAX_STRIDES", 50)
    finder = Finder([Pattern(text=r"\bx[a-z0-9]{5}\b")])
    made = finder._machine
    search = finder.search()
    for number in range(400):
        for _ in range(3):
            search.feed(f" w{number % 40 if number < 200 else number}")
            assert made._strides <= 50
            assert len(made._met) <= 50
            assert made._strides == sum(len(state.strides) for state in made._strode)
    assert made._strides > 0


def test_a_word_that_comes_once_is_not_remembered() -> None:
    finder = Finder([Pattern(text="secret")])
    search = finder.search()
    for number in range(100):
        search.feed(f" n{number}")
    assert finder._machine._strides == 0


@pytest.mark.parametrize("most", [0, 3_000])
def test_words_are_forgotten_with_the_states_that_they_lead_to(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MAX_BYTES", most)
    patterns = [Pattern(text="a[ab]{2,4}c"), Pattern(text=r"\b\w+ c")]
    finder, plain = Finder(patterns), Finder(patterns)
    rng = Random(most)
    for _ in range(80):
        pieces = [rng.choice((" aabc", " ab", "abac c", " cab aaac")) for _ in range(6)]
        assert _spans(_read(finder, pieces)) == _spans(_letter_by_letter(plain, pieces))
