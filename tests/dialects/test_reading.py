"""dialects.reading: what is quoted of a body that nobody can read."""

import pytest

from sluice.dialects.reading import MAX_TEXT, text_of


@pytest.mark.parametrize("lead", [0, 10, 4 * MAX_TEXT - 4, 1 << 20])
def test_white_space_takes_nothing_from_what_is_quoted(lead: int) -> None:
    """A text that is shorter than MAX_TEXT is all of it: guards of errors count on that."""
    assert text_of(b" \n" * (lead // 2) + "card 4111 é".encode() + b"\n") == "card 4111 é"


def test_so_much_of_it_is_quoted_and_no_more() -> None:
    assert text_of(b"x" * (5 * MAX_TEXT)) == "x" * MAX_TEXT
    assert text_of("é".encode() * (5 * MAX_TEXT)) == "é" * MAX_TEXT
    assert text_of("𝄞".encode() * (5 * MAX_TEXT)) == "𝄞" * MAX_TEXT
