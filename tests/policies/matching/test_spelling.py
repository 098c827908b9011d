"""policies.matching.spelling: patterns written for other libraries mean the same here, or are refused with a reason."""

import re

import pytest

from sluice.policies.matching import Finder, Pattern, Unsupported
from sluice.policies.matching.spelling import MAX_PATTERN, respelled


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\z", r"a\Z"),
        (r"a\\z", r"a\\z"),
        (r"\x{e9}\x{1F600}", r"\U000000e9\U0001f600"),
        (r"[\x{61}-\u{63}]", r"[\U00000061-\U00000063]"),
        ("[[:digit:]]+", "[0-9]+"),
        ("[^[:alpha:]_]", "[^A-Za-z_]"),
        ("(?<year>[0-9]{4})", "(?P<year>[0-9]{4})"),
        ("(?P<year>x)(?:y)", "(?P<year>x)(?:y)"),
        ("[]a-z]|[^]]", "[]a-z]|[^]]"),
        (r"\[a--b&&c\]--", r"\[a--b&&c\]--"),
        (r"[(?<a>\[]", r"[(?<a>\[]"),
    ],
)
def test_a_spelling_from_elsewhere_is_read_as_it_was_meant(written: str, read: str) -> None:
    assert respelled(written) == read
    re.compile(read)


@pytest.mark.parametrize(
    ("name", "members"),
    [("punct", "!/:@[`{~^-]\\"), ("space", "\t\n\v\f\r "), ("xdigit", "0aF"), ("word", "_9zA"), ("print", " ~")],
)
def test_a_named_class_has_its_members(name: str, members: str) -> None:
    found = Finder([Pattern(text=f"[[:{name}:]]")]).find(f"{members}é")
    assert [(span.start, span.end) for span in found] == [(at, at + 1) for at in range(len(members))]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (r"\p{Greek}", r"write the class out"),
        (r"[\P{L}]", r"write the class out"),
        (r"\b{start}a", "brace"),
        ("[a&&b]", "write it once"),
        ("[a--b]", "write it once"),
        ("[a[bc]]", r"write `\\\["),
        ("[[a]]", r"write `\\\["),
        ("[:digit:]", r"`\[\[:digit:\]\]`"),
        ("[[:digits:]]", "known are alnum"),
        ("a" * (MAX_PATTERN + 1), "1024"),
    ],
)
def test_what_python_would_silently_read_as_something_else_is_refused(written: str, why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        respelled(written)


def test_a_pattern_may_be_as_long_as_documented() -> None:
    assert Finder([Pattern(text="a" * MAX_PATTERN)]).find("a" * MAX_PATTERN)[0].end == MAX_PATTERN
