"""policies.personal.together: what two searches find and hold by themselves is what they do as one."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.policies.guard_watch import Watch
from sluice.policies.guards import Builtin, TextRules
from sluice.policies.matching import Span
from sluice.policies.personal import EmailSearch, NumberSearch, PersonalSearch

NUMBERS: tuple[Builtin, ...] = ("credit_card", "ca_sin", "ssn", "phone_number")
ALONE = Watch([(0, TextRules(builtins=NUMBERS))])
BOTH = Watch([(0, TextRules(builtins=(*NUMBERS, "email")))])
(EMAIL,) = (index for index, claims in enumerate(BOTH.claims) if claims[0].what == "email")


def together() -> PersonalSearch:
    (only,) = BOTH.begin()
    assert isinstance(only, PersonalSearch)
    return only


def numbers() -> NumberSearch:
    (only,) = ALONE.begin()
    assert isinstance(only, NumberSearch)
    return only


def key(span: Span) -> tuple[str, int, int]:
    return BOTH.claims[span.pattern][0].what, span.start, span.end


PIECES = st.lists(
    st.sampled_from(
        [
            *("4111", "1111", "378282246310005", "123-45-6789", "046 454 286", "+44 20 7946 0958", "(415) 555-2671"),
            *("ada", "ada@b.io", "git@host.org:x", "a.b%c", "@", "example.org", ".", "'", "\\n", "\\", "_", "é", "号"),
            *(
                " ",
                "  ",
                "-",
                "(",
                "((",
                "+",
                "+(",
                ")",
                "/",
                "x",
                "x12",
                "\u00a0",
                "$",
                ",",
                "\n",
                "",
                "0",
                "12",
                "030",
            ),
            *(" word", " Words, and", "a" * 70, " 2024", " 0.3", "1.", " (RFC 9112, section"),
        ]
    ),
    max_size=24,
)


@settings(max_examples=400, deadline=None)
@given(pieces=PIECES)
@example(["46", "\u00a0" * 3, "454", " 286", "x"])
@example(["a", "1", "@b", ".io ", "4", "1"])
@example([" a 12", "3", "-45", "-", "6789 "])
def test_both_find_and_hold_what_each_does_by_itself(pieces: list[str]) -> None:
    one, first, second = together(), numbers(), EmailSearch(EMAIL)
    for piece in pieces:
        said = one.feed(piece)
        expected = [*map(_number, first.feed(piece)), *map(key, second.feed(piece))]
        assert list(map(key, said)) == expected
        assert one.cleared == min(first.cleared, second.cleared)
    said = one.finish()
    assert list(map(key, said)) == [*map(_number, first.finish()), *map(key, second.finish())]
    assert one.cleared == sum(map(len, pieces))


def _number(span: Span) -> tuple[str, int, int]:
    return ALONE.claims[span.pattern][0].what, span.start, span.end


@pytest.mark.parametrize("text", ["a clean piece", " in 2024", " for $0.60,", "f(x) + (", " 9:15 on a"])
def test_short_numbers_and_lone_signs_keep_the_two_together(text: str) -> None:
    one = together()
    for _ in range(3):
        assert one.feed(text) == []
        assert one._apart is None


def test_what_is_remembered_stays_small() -> None:
    one = together()
    for _ in range(1000):
        one.feed("a")
        assert len(one._kept) <= 70
    for _ in range(100):
        one.feed("号")
        assert len(one._kept) <= 70
