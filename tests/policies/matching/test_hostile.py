"""policies.matching.hostile: whatever pattern loads, no text makes it cost much; and what operators write loads."""

import time
from random import Random

import pytest

from sluice.policies.guard_text import TextGuards
from sluice.policies.guards import TextRules
from sluice.policies.matching import Finder, Pattern, Unsupported, refuse_costly
from sluice.policies.matching.hostile import MAX_WORK, work_of
from tests.support.measuring import undisturbed

KINDS = [
    *(r"pypi-AgEIcHlwaS5vcmc[\w-]{50,1000}", "eyJrIjoi[A-Za-z0-9]{70,400}={0,3}", "sk-[A-Za-z0-9]{20,200}"),
    *("[a-f0-9]{128}", "[A-Za-z0-9]{20,1000}", r"\d{200,400}", "a{1,1000}", r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"),
    *("(?i)(?:ignore|disregard).{0,100}(?:instructions|prompt)", r"(?i)ignore[\s\S]{0,500}instructions"),
    *("(a+)+$", "(a|a)*b", "(.*)*x", "(?:a*)*b", "(a|aa)+$", "(?:a?){50}a{50}", r"(\w+\s?)*!", "(.+)+@(.+)+x"),
    *("(a|b)*a(a|b){20}c", "a[ab]{60}c", "a.{200}b", "(a.{1,30}b){1,4}c", "[ab]{1,20}a[ab]{0,20}c", "a.*a.*a.*a.*b"),
    *(r"\b\d{1,5}\s(?:\w{1,20}\s){1,5}(?:street|road)\b", r"\w{1,64}@\w{1,200}\.\w{2,10}", r"\Aa.*$", "a.{0,40}$"),
    *(r"-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY-----[\s\S]{64,2000}KEY", "(?:[A-Z][a-z]{0,20} ){2,10}Inc"),
    "|".join(f"w{number}ord{number * 7}" for number in range(80)),
]
"""One of each kind that loads: keys, words with something between them, and what stalls other engines."""
COSTLY = [
    *("(a{1,200}b){1,12}", "[ab]{1,500}a[ab]{0,500}c", "[ab]{1,100}a[ab]{0,100}c", "(?:[ab]{1,50}c?){1,40}d"),
    *("(a.{1,100}b){1,20}c", "(a.{1,30}b){1,10}c", r"\b(?:a.{0,60}\b){1,20}c", r"(?:\w{1,30}\s?){1,20}secret"),
    *("a[^c]{0,200}a[^c]{0,60}c", ".{0,300}password.{0,300}", "a.{400}b", "(?:a{1,200}|b{1,100}c){1,8}d"),
]


def hostile_texts(pattern: str, length: int) -> list[str]:
    """Texts that were not made by the walk: few letters in disorder, long runs that break off, the pattern's own
    words again and again."""
    rng = Random(pattern)
    letters = "".join(char for char in dict.fromkeys(pattern) if char.isalnum()) or "a"
    runs = [rng.choice("aA0 ") * rng.randrange(1, 260) + rng.choice("bc \n") for _ in range(length // 60)]
    own = [rng.choice([pattern.split("[")[0].split("{")[0], "a", "ab", " "]) for _ in range(length)]
    return [
        *("".join(rng.choice(few) for _ in range(length)) for few in ("ab", "aaaab", "ab c", "aaaaaaaaaa\n0", letters)),
        *("".join(row)[:length] for row in (runs, own)),
        "a" * length,
    ]


@pytest.mark.timed
@pytest.mark.parametrize("pattern", KINDS)
def test_no_text_makes_a_pattern_that_loads_cost_much(pattern: str) -> None:
    refuse_costly(pattern)
    with undisturbed():
        for text in hostile_texts(pattern, 1000):
            finder = Finder([Pattern(text=pattern)])
            began = time.process_time()
            finder.find(text)
            took = time.process_time() - began
            assert finder.work <= MAX_WORK * len(text), text[:40]
            assert took < 0.25, "seconds: five times what the units say, for slow machines"


@pytest.mark.parametrize("pattern", COSTLY)
def test_what_would_cost_more_is_refused_with_what_would_be_right(pattern: str) -> None:
    with pytest.raises(Unsupported, match=r"leave the counts of its repeats open \(`\.\*` for `\.\{0,300\}`"):
        refuse_costly(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+b)+", ".*password.*", r"(?:\w+\s?)+secret", "a[^c]*a[^c]*c", "a.*b", "(a.+b)+c"]
)
def test_the_same_with_open_counts_costs_little(pattern: str) -> None:
    refuse_costly(pattern)
    for text in hostile_texts(pattern, 3000):
        finder = Finder([Pattern(text=pattern)])
        finder.find(text)
        assert finder.work < 60 * len(text)


def test_the_walk_finds_what_a_text_of_chance_does_not() -> None:
    """A pattern whose beginning is found by one character only."""
    finder = Finder([Pattern(text="secret(?:a.{1,100}b){1,20}c")])
    finder.find("".join(Random(1).choices("secretab", k=5000)))
    assert finder.work < 50 * 5000
    with pytest.raises(Unsupported):
        refuse_costly("secret(?:a.{1,100}b){1,20}c")


def test_it_is_the_same_each_time() -> None:
    first = work_of(KINDS[0])
    work_of.cache_clear()
    assert work_of(KINDS[0]) == first > 0


def test_a_guard_names_the_rule_and_the_pattern() -> None:
    with pytest.raises(ValueError, match=r"names: the pattern '\(a\.\{1,100\}b\)\{1,20\}c': a hostile text can"):
        TextGuards([TextRules(name="names", patterns=("fine", "(a.{1,100}b){1,20}c"))])
