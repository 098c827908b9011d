"""Variables are replaced where they may be, once, and a missing one is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.config.expand import MissingVariable, expand, expand_whole

ENV = {"A": "one", "B_2": "$A", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A", "one"),
        ("${A}", "one"),
        ("x${A}y", "xoney"),
        ("$A-${A}", "one-one"),
        ("$$A", "$A"),
        ("$$$A", "$one"),
        ("${B_2}", "$A"),
        ("[$EMPTY]", "[]"),
        ("5$", "5$"),
        ("$1 ${} $-", "$1 ${} $-"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, ENV) == expected


@pytest.mark.parametrize("text", ["$NOPE", "a ${NOPE} b", "$A$NOPE"])
def test_a_missing_variable_is_named(text: str) -> None:
    with pytest.raises(MissingVariable, match="the environment variable NOPE is not set"):
        expand(text, ENV)


@given(st.text())
def test_text_with_its_dollars_doubled_stays_itself(text: str) -> None:
    assert expand(text.replace("$", "$$"), {}) == text


@pytest.mark.parametrize(("text", "expected"), [("${A}", "one"), ("Bearer ${A}", "Bearer one"), ("${B_2}", "$A")])
def test_a_whole_value_that_is_a_variable_is_replaced(text: str, expected: str) -> None:
    name = "B_2" if "B_2" in text else "A"
    assert expand_whole(text, ENV) == (expected, {name: ENV[name]})


@pytest.mark.parametrize("text", ["$A", "${A} ", "x${A}", "${A}${A}", "bearer ${A}", "$$", "Bearer $A", ""])
def test_any_other_value_is_taken_literally(text: str) -> None:
    assert expand_whole(text, ENV) == (text, {})


def test_a_missing_variable_of_a_whole_value_is_named() -> None:
    with pytest.raises(MissingVariable, match="NOPE"):
        expand_whole("Bearer ${NOPE}", ENV)
