"""Sealed values come back as they were given, to the byte, or are not known."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.testing import fake_seal

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_what_was_enclosed_is_disclosed_for_the_same_purpose_only(content: str) -> None:
    sealed = fake_seal.enclose("a", content)
    assert fake_seal.enclose("a", content) == sealed
    assert fake_seal.disclosed("a", sealed) == content
    assert fake_seal.disclosed("b", sealed) is None
    base64.b64decode(sealed, validate=True)


@given(TEXT, st.data())
def test_any_other_character_anywhere_is_noticed(content: str, data: st.DataObject) -> None:
    sealed = fake_seal.enclose("a", content)
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.sampled_from("ABCZabz019+/=-_ \n\x00é").filter(lambda letter: letter != sealed[place]))
    assert fake_seal.disclosed("a", sealed[:place] + other + sealed[place + 1 :]) is None


@given(st.text())
def test_whatever_else_is_given_is_not_known(given_value: str) -> None:
    assert fake_seal.disclosed("a", given_value) is None


def test_content_that_is_long_does_not_show() -> None:
    sealed = base64.b64decode(fake_seal.enclose("a", "secret " * 100))
    assert b"secret" not in sealed


@pytest.mark.parametrize("digits", [24, 50, 80])
def test_a_marked_name_is_known_for_its_purpose_only(digits: int) -> None:
    name = fake_seal.marked("a", "rs_", b"seed", digits)
    assert len(name) == 3 + digits
    assert fake_seal.is_marked("a", name)
    assert not fake_seal.is_marked("b", name)
    assert not fake_seal.is_marked("a", "x" + name)
    assert not fake_seal.is_marked("a", name[:10] + ("0" if name[10] != "0" else "1") + name[11:])
    assert not fake_seal.is_marked("a", "")
    assert name != fake_seal.marked("a", "rs_", b"other", digits)
