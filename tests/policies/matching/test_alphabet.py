"""policies.matching.alphabet: a character's classes are those of `re`."""

import re

import pytest

from sluice.policies.matching import alphabet
from sluice.policies.matching.alphabet import NEWLINE, START, WORD, WORD_A, Alphabet


def test_what_places_ask_for_is_always_known() -> None:
    known = Alphabet()
    assert known["\n"] == NEWLINE
    assert known["a"] == WORD | WORD_A
    assert known["é"] == WORD
    assert known[" "] == 0
    assert not any(known[chr(code)] & START for code in range(0x250))


@pytest.mark.parametrize(
    ("spelling", "flags"),
    [
        ("s", re.IGNORECASE),
        ("[^k]", re.IGNORECASE),
        (r"[\da-f]", re.ASCII),
        (".", 0),
        (".", re.DOTALL),
        ("[^\\S\\n]", 0),
    ],
)
def test_each_character_has_the_bit_of_each_class_that_it_is_in(spelling: str, flags: int) -> None:
    known = Alphabet()
    bit = known.bit(spelling, flags)
    compiled = re.compile(spelling, flags)
    for code in (*range(0x600), 0x212A, 0x1E9E, 0x2028, 0x1F600, 0xD800):
        assert known[chr(code)] >> bit & 1 == bool(compiled.match(chr(code)))


def test_a_class_has_one_bit_and_flags_make_another_class() -> None:
    known = Alphabet()
    assert known.bit("a", 0) == known.bit("a", 0) != known.bit("a", re.IGNORECASE)


def test_a_text_of_all_unicode_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alphabet, "_MAX_KNOWN", 100)
    known = Alphabet()
    for code in range(5000):
        assert known[chr(code)] == known[chr(code)]
        assert len(known) <= 100
