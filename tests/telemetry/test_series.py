"""Cells, bounds and label values."""

import unicodedata

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.telemetry import names, stream_names
from sluice.telemetry.series import MAX_LABEL_CHARS, Family, label, method_label, observe

ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)
"""Lone surrogates included."""


@given(ANY_TEXT)
@example("")
@example("\x00\x1b[2J\r\n")
@example(" " * 300 + "x")
@example("gpt\ud800")
@example("a\u2028b\u2029c\u0085d\u202ee")
def test_any_text_becomes_a_label_value_that_is_short_printable_and_not_empty(text: str) -> None:
    value = label(text)
    assert 0 < len(value) <= MAX_LABEL_CHARS
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value)
    value.encode()
    assert label(value) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gpt-4o", "gpt-4o"),
        ("模型 7b", "模型 7b"),
        ("", "unknown"),
        ("\n\t ", "unknown"),
        ("a\nb", "ab"),
        ("x" * 129, "x" * 128),
    ],
)
def test_a_label_value_keeps_what_can_be_shown(text: str, value: str) -> None:
    assert label(text) == value


@pytest.mark.parametrize(
    ("method", "value"), [("POST", "POST"), ("PATCH", "PATCH"), ("post", "other"), ("BREW", "other"), ("", "other")]
)
def test_unknown_methods_share_one_label_value(method: str, value: str) -> None:
    assert method_label(method) == value


def test_a_value_equal_to_a_bound_falls_below_it() -> None:
    cell: list[float] = [0] * 5
    for value in (1.0, 1.5, 2.0, 4.0, 4.5):
        observe(cell, (1.0, 2.0, 4.0), value)
    assert cell == [1, 2, 1, 1, 13.0]


def test_a_full_family_folds_models_and_nothing_else() -> None:
    family = Family(stream_names.TTFT, max_series=2)
    route = ("b", "g", "l", "r", "0", "chat", "openai")
    known = family.cell((*route, "m1", "m1"))
    family.cell((*route, "m2", "m2"))
    folded = family.cell((*route, "m3", "m3"))
    assert family.cell((*route, "m4", "m4")) is folded
    assert family.cell((*route, "m1", "m1")) is known
    assert list(family.cells)[2:] == [(*route, "other", "other")]


def test_a_full_family_folds_what_an_operator_added_too() -> None:
    row = msgspec.structs.replace(names.REQUEST_PROCESSING, labels=(*names.REQUEST_PROCESSING.labels, "team", "tier"))
    family = Family(row, max_series=1, added=2)
    place = ("b", "g", "l", "r", "0", "openai")
    family.cell((*place, "a", "1"))
    assert family.cell((*place, "b", "1")) is family.cell((*place, "c", "2"))
    assert list(family.cells) == [(*place, "a", "1"), (*place, "other", "other")]


def test_a_full_family_without_models_still_counts() -> None:
    family = Family(names.UPSTREAM_CONNECT, max_series=1)
    assert family.cell(("plaintext",)) is not family.cell(("tls",))
