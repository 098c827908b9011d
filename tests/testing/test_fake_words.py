"""The fake's words: lossless pieces, honest counts, answers that depend on nothing but the seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.testing import fake_words


@given(st.text())
def test_the_pieces_of_any_text_join_to_the_text(text: str) -> None:
    found = fake_words.pieces(text)
    assert "".join(found) == text
    assert all(found)
    assert fake_words.count(text) == len(found)


def test_a_word_takes_its_space_along_as_tokens_do() -> None:
    assert fake_words.pieces("You can, in 2026.") == ["You", " can", ",", " in", " 202", "6", "."]
    assert fake_words.pieces("my first-repo") == ["my", " first", "-", "repo"]
    assert fake_words.pieces("abcdefghijklmnop") == ["abcdefghijkl", "mnop"]


def test_an_answer_names_the_question_and_is_the_same_each_time() -> None:
    once = fake_words.answer("What is a river?", b"seed", 0)
    assert once == fake_words.answer("What is a river?", b"seed", 0)
    assert "What is a river?" in once
    assert once.endswith(".")


def test_choices_of_one_seed_differ() -> None:
    answers = {fake_words.answer("Hi", b"seed", choice) for choice in range(3)}
    assert len(answers) == 3


@pytest.mark.parametrize("text", ["word " * 100, "x" * 500])
def test_a_long_question_is_quoted_in_part(text: str) -> None:
    quoted = fake_words.quote(text)
    assert len(quoted) <= fake_words.MAX_QUOTE + 2
    assert quoted.startswith(text[:50])


def test_a_question_that_looks_like_a_format_is_quoted_as_it_is() -> None:
    assert "{0} {quote} %s" in fake_words.answer("{0} {quote} %s", b"", 0)


def test_names_belong_to_their_seed_and_prefix() -> None:
    name = fake_words.name(b"seed", "chatcmpl-", 29)
    assert name == fake_words.name(b"seed", "chatcmpl-", 29)
    assert len(name) == len("chatcmpl-") + 29
    assert name.removeprefix("chatcmpl-").isalnum()
    assert name != fake_words.name(b"tree", "chatcmpl-", 29)
    assert set(fake_words.name(b"seed", "fp_", 10, "0123456789abcdef")[3:]) <= set("0123456789abcdef")
