"""policies.personal.search: the same numbers whatever the cuts, in linear time, and text waits only as part of one."""

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.policies.guard_watch import Watch
from sluice.policies.guards import TextRules
from sluice.policies.matching import Span
from sluice.policies.personal import NumberSearch

KINDS = ("credit_card", "ca_sin", "ssn", "phone_number")
WATCH = Watch([(0, TextRules(builtins=KINDS))])


def search() -> NumberSearch:
    (only,) = WATCH.begin()
    assert isinstance(only, NumberSearch)
    return only


def found(pieces: list[str]) -> list[Span]:
    looking = search()
    spans: list[Span] = []
    fed = 0
    for piece in pieces:
        before = looking.cleared
        new = looking.feed(piece)
        fed += len(piece)
        assert before <= looking.cleared <= fed
        assert all(span.start >= before for span in new)  # nothing begins in text that was cleared
        spans += new
    cleared = looking.cleared
    new = looking.finish()
    assert all(span.start >= cleared for span in new)
    assert looking.cleared == fed
    return spans + new


NUMBERS = st.lists(
    st.sampled_from(
        [
            *("4111", "1111", "411111111111111", "378282246310005", "123-45-6789", "123456789", "046 454 286"),
            *("415-555-2671", "(415)", "555-2671", "+44 20 7946 0958", "0171 1234567", "0", "1", "12", "030"),
            *(" ", "-", ".", "(", ")", "+", "/", "x", "x12", "\u00a0", "  ", "    ", "a", "号", "\\n", "$", ",", "\n"),
        ]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=NUMBERS, cuts=st.lists(st.integers(0, 300), max_size=8))
def test_what_is_found_does_not_depend_on_cuts(text: str, cuts: list[int]) -> None:
    at = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]
    whole = found([text])
    assert found(pieces) == whole
    assert found(list(text)) == whole


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("no digit at all", 0),
        ("call (", 1),
        ("1 + ", 4),
        ("a+(", 2),
        ("In 2024", 4),
        ("In 2024 ", 5),
        ("In 2024 (", 6),
        ("In 2024, ", 0),
        ("In 2024 t", 0),
        ("4111 1111 1111", 14),
        ("4111    ", 0),
        ("3.14159", 7),
        ("7 " * 100, 56),
    ],
)
def test_text_waits_while_it_is_digits_with_little_between_them(text: str, waits: int) -> None:
    looking = search()
    looking.feed(text)
    assert len(text) - looking.cleared == waits


@pytest.mark.timed
@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
@pytest.mark.parametrize(
    "text",
    [
        "1" * 50_000,
        "1 " * 25_000,
        "+" * 50_000,
        "(" * 50_000,
        "+1 " * 16_000,
        "(0" * 25_000,
        "0049 30 " * 6_000,
        "(0)" * 16_000,
        "4111-1111-" * 5_000,
        "030 12 34 " * 5_000,
        "1x" * 25_000,
        "u0073\\" * 8_000,
        "".join(Random(1).choices("0123456789 -.()+/x", k=50_000)),
    ],
    ids=lambda text: repr(text[:8]),
)
def test_no_text_costs_more_than_linear_time(text: str, piece: int) -> None:
    looking = search()
    began = time.process_time()
    for at in range(0, len(text), piece):
        looking.feed(text[at : at + piece])
    looking.finish()
    assert time.process_time() - began < len(text) * 100e-6  # 50,000 characters: 5 s; quadratic would be minutes
