"""policies.matching: no pattern stalls on any text, and no text fills the memory.

The bounds are ten times and more what this takes on one slow core, and a millionth of what a search that tries again
would take.
"""

import time
import tracemalloc
from random import Random

import pytest

from sluice.policies.matching import Finder, Pattern, machine
from tests.support.measuring import slowness, undisturbed

_MIB = 1 << 20


def _seconds(finder: Finder, text: str) -> float:
    with undisturbed():
        began = time.process_time()
        finder.find(text)
        return time.process_time() - began


@pytest.mark.timed
@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(a+)+$",
            "(a|a)*b",
            "(.*)*x",
            "a{1,1000}",
            "(?:a*)*b",
            "(a|aa)+$",
            "(?:a?){50}a{50}",
            r"(\w+\s?)*!",
            "([ab]*)*c",
        ),
        *("(.+)+@(.+)+x", "(?:a|b|ab)*c", "a.*a.*a.*a.*b", "(?:(?:a+)+)+b"),
    ],
)
def test_a_text_that_would_never_end_elsewhere_takes_seconds(pattern: str) -> None:
    assert _seconds(Finder([Pattern(text=pattern)]), "a" * (_MIB // 4)) < 5


@pytest.mark.timed
@pytest.mark.parametrize(
    "pattern", [".{500}x", ".{0,500}x", "a.{200}b", "[ab]{1,100}a[ab]{0,100}c", "(a|b)*a(a|b){20}c"]
)
def test_time_grows_with_the_text_and_not_with_what_was_tried(pattern: str) -> None:
    rng = Random(pattern)
    finder = Finder([Pattern(text=pattern)])
    short, long = ("".join(rng.choice("ab") for _ in range(length)) for length in (1_000, 4_000))
    _seconds(finder, short)
    assert _seconds(finder, long) < 10 * max(_seconds(finder, short), 0.025 * slowness())


@pytest.mark.timed
def test_one_character_of_the_worst_case_is_milliseconds() -> None:
    rng = Random(7)
    search = Finder([Pattern(text="[ab]{1,500}a[ab]{0,500}c")]).search()
    for _ in range(600):
        search.feed(rng.choice("ab"))
    began = time.process_time()
    search.feed("".join(rng.choice("ab") for _ in range(100)))
    assert time.process_time() - began < 5


def test_a_text_that_leads_nowhere_twice_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MAX_BYTES", 256 << 10)
    rng = Random(3)
    finder = Finder([Pattern(text="a[ab]{60}c"), Pattern(text="(a|b)*a(a|b){20}c")])
    texts = ["".join(rng.choice("abababab漢") for _ in range(400)) for _ in range(20)]
    tracemalloc.start()
    try:
        for text in texts[:4]:
            finder.find(text)
        early, _ = tracemalloc.get_traced_memory()
        for text in texts[4:]:
            finder.find(text)
        late, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert late < early + (512 << 10)
    assert peak < 4 << 20


def test_a_search_keeps_nothing_of_a_text_in_which_nothing_lives() -> None:
    search = Finder([Pattern(text="[0-9]{3}"), Pattern(text="[0-9]{3,9}x", accepts=bool)]).search()
    search.feed("warm " * 100)
    tracemalloc.start()
    try:
        for _ in range(200):
            search.feed("nothing that counts here, 12 at most " * 20)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 64 << 10
