"""policies.guard_parts: what is found in texts one by one and in all as one; what is not found keeps its place."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.policies.guard_text import TextGuards
from sluice.policies.guards import TextRules
from sluice.policies.personal import MASKS

RULE = TextRules(builtins=tuple(MASKS), patterns=(r"\bTOPSECRET\b", "k{3}", "(?:ab)+c"))
GUARDS = TextGuards([RULE])


def parts_of(texts: Sequence[str], guards: TextGuards = GUARDS, size: int = 1 << 20) -> tuple[list[str], int]:
    """Return what is left of texts, and in how many stretches something was found."""
    parts = guards.parts([*map(len, texts)])
    found = 0
    for place, text in enumerate(texts):
        if place:
            parts.cut()
        for start in range(0, len(text), size):
            found += len(parts.feed(text[start : start + size]).hits)
    found += len(parts.finish().hits)
    return parts.texts, found


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (["expires 12", "4111 1111 1111 1111"], ["expires 12", "<CREDIT_CARD>"]),
        (["4111 1111 1111 1111", "2025"], ["<CREDIT_CARD>", "2025"]),
        (["123-45-6789", "1. Summarise"], ["<SSN>", "1. Summarise"]),
        (["Customer id 7", "123-45-6789"], ["Customer id 7", "<SSN>"]),
        (["212-555-0123", "7"], ["<PHONE_NUMBER>", "7"]),
        (["TOPSECRET", "then"], ["<masked>", "then"]),
        (["now", "TOPSECRET"], ["now", "<masked>"]),
        (["a", "7", "123-45-6789", "8", "b"], ["a", "7", "<SSN>", "8", "b"]),
    ],
)
def test_what_stands_beside_a_value_does_not_hide_it(texts: list[str], left: list[str]) -> None:
    assert parts_of(texts)[0] == left


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (["card 4111 1111", " 1111 1111, thanks"], ["card <CREDIT_CARD>", ", thanks"]),
        (["hello k", "k", "k world", "last"], ["hello <masked>", "", " world", "last"]),
        (["ab", "", "abc kk", "k", "!"], ["<masked>", "", " <masked>", "", "!"]),
        (["kkk", "kkk"], ["<masked>", "<masked>"]),
        (["kkk and ", "a@b.com"], ["<masked> and ", "<EMAIL_ADDRESS>"]),
    ],
)
def test_a_mask_stands_where_its_value_begins_and_all_else_where_it_stood(texts: list[str], left: list[str]) -> None:
    assert parts_of(texts)[0] == left


def test_what_is_found_in_both_ways_is_found_once() -> None:
    assert parts_of(["x kkk y", "kkk z"]) == (["x <masked> y", "<masked> z"], 2)


def test_a_value_that_only_the_text_alone_or_only_the_run_shows_is_rejected() -> None:
    guards = TextGuards([TextRules(action="reject", builtins=("credit_card",))])
    for texts in (["expires 12", "4111 1111 1111 1111"], ["4111 1111 ", "1111 1111"]):
        parts = guards.parts([*map(len, texts)])
        parts.feed(texts[0])
        parts.cut()
        passed = [parts.feed(texts[1]), parts.finish()]
        assert any(each.rejected for each in passed), texts


_WORDS = st.sampled_from(
    [*"k ab7-@.", "kk", "abc", "4111 1111 1111 1111", "123-45-6789", "a@b.com", " TOPSECRET ", "\U0001f600"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(_WORDS, max_size=5).map("".join), min_size=1, max_size=6), st.integers(1, 9))
def test_nothing_of_any_text_or_of_all_as_one_is_left(texts: list[str], size: int) -> None:
    left, _ = parts_of(texts, size=size)
    assert left == parts_of(texts)[0], "pieces make no difference"
    assert len(left) == len(texts)
    for text, after in zip(texts, left, strict=True):
        assert GUARDS.whole(text).hits == () or text != after
    if len(texts) == 1:
        assert left[0] == GUARDS.whole(texts[0]).text
    if not GUARDS.whole("".join(texts)).hits and not any(GUARDS.whole(text).hits for text in texts):
        assert left == texts


@settings(max_examples=200, deadline=None)
@given(st.text("k x", max_size=30), st.lists(st.integers(0, 30), max_size=5))
def test_a_text_that_is_cut_into_parts_loses_no_more_than_its_values(text: str, cuts: list[int]) -> None:
    guards = TextGuards([TextRules(patterns=("kkk",), mask="#")])
    at = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    texts = [text[start:end] for start, end in pairwise(at)]
    left = parts_of(texts, guards)[0]
    begins = [0, *accumulate(map(len, texts))]
    spare = [char for char in text if char != "k"]
    assert [char for char in "".join(left) if char not in "k#"] == spare
    for start, after, before in zip(begins, left, texts, strict=False):
        assert [char for char in after if char not in "k#"] == [char for char in before if char != "k"], start
