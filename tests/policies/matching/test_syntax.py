"""policies.matching.syntax: read as `re` reads it, and what needs a second look is refused in a sentence."""

import re

import pytest

from sluice.policies.matching import Finder, Pattern, Unsupported
from sluice.policies.matching.syntax import ENDLESS, Char, Look, Place, parse


@pytest.mark.parametrize(
    ("pattern", "shortest", "longest"),
    [
        ("", 0, 0),
        ("abc", 3, 3),
        ("a|bcd", 1, 3),
        (r"\ba{2,3}$", 2, 3),
        ("(?:ab?){2}", 2, 4),
        ("a*", 0, ENDLESS),
        ("(?:a{900}){900}", 810_000, 810_000),
        (r"(?:\b)*", 0, 0),
        ("(?:a*){9}b", 1, ENDLESS),
    ],
)
def test_the_length_of_matches_is_known(pattern: str, shortest: int, longest: int) -> None:
    tree = parse(pattern)
    assert (tree.shortest, tree.longest) == (shortest, longest)


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("^", "text_start"),
        ("(?m)^", "line_start"),
        (r"(?m)\A", "text_start"),
        ("$", "last_line_end"),
        ("(?m)$", "line_end"),
        (r"(?m)\Z", "text_end"),
        (r"\b", "word"),
        (r"(?a)\B", "inside_a"),
        (r"(?a:\b)", "word_a"),
        (r"(?a:(?u:\b))", "word"),
        (r"(?m:(?-m:^))", "text_start"),
    ],
)
def test_flags_decide_what_a_place_is(pattern: str, place: Place) -> None:
    assert parse(pattern) == Look(place)


def test_flags_reach_exactly_their_group() -> None:
    inside, outside = (parse(pattern) for pattern in ("(?i:a)", "a"))
    assert isinstance(inside, Char)
    assert isinstance(outside, Char)
    assert (inside.flags, outside.flags) == (int(re.IGNORECASE), 0)
    assert parse("(?i:(?-i:a))") == outside
    assert parse("(?x) a # all of it") == outside


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a(?=b)", "look-ahead"),
        ("a(?!b)", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "look-behind"),
        ("(?!)", "look-ahead"),
        (r"(a)\1", "references"),
        ("(?P<x>a)(?P=x)", "references"),
        ("(a)?(?(1)b|c)", "conditions"),
        ("(?>a+)b", "atomic"),
        ("a++b", "possessive"),
        ("a(", "missing \\)"),
        ("a**", "multiple repeat"),
        ("*a", "nothing to repeat"),
        ("[b-a]", "bad character range"),
        (r"a\q", "bad escape"),
        ("a(?i)b", "not at the start"),
        ("(?L)a", "flag"),
        ("a{99999999999}", "too large"),
        ("(" * 512 + ")" * 512, "nested too deeply"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_with_its_place_and_a_sentence(pattern: str, why: str) -> None:
    with pytest.raises(Unsupported, match=why) as refused:
        Finder([Pattern(text="fine"), Pattern(text=pattern)])
    assert refused.value.index == 1
    assert str(refused.value) == refused.value.sentence


def test_what_is_refused_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="linear time, in either mode"):
        Finder([Pattern(text=r"(.)\1")])
