"""policies.json_source: escapes to characters and back, wherever they are cut."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.policies.json_source import Spelled, read, written


def decoded(source: str, cuts: list[int]) -> str:
    """Read what stands between two quotes, in pieces, as a channel does."""
    text, begun = "", ""
    at = [0, *sorted(cuts), len(source)]
    for start, end in pairwise(at):
        piece = begun + source[start:end]
        found, stop = read(piece, 0, Spelled())
        text, begun = text + found, piece[stop:]
    return text + read(begun, 0, Spelled(), complete=True)[0]


@given(text=st.text(), cuts=st.lists(st.integers(0, 40)), ascii_only=st.booleans())
def test_what_is_read_is_what_was_meant(text: str, cuts: list[int], ascii_only: bool) -> None:
    source = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    assert decoded(source, [min(cut, len(source)) for cut in cuts]) == text
    assert decoded(source, list(range(len(source)))) == text


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_means_the_text(text: str) -> None:
    assert json.loads(f'"{written(text)}"') == text


def test_half_a_pair_is_written_as_the_sign_for_what_cannot_be() -> None:
    assert written("a\ud83db") == "a\ufffdb"
    assert written("\ud83d\ude00") == "😀"


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\uD83D\uDE00x", "😀x"),
        (r"\ud83d", "\ud83d"),
        (r"\ud83dx", "\ud83dx"),
        (r"\ud83d\n", "\ud83d\n"),
        (r"\ud83dA", "\ud83dA"),
        (r"\ud83d\ud83d\ude00", "\ud83d😀"),
        (r"\ude00", "\ude00"),
        (r"\u00e9\t\/\\\"\b\f\r", 'é\t/\\"\b\f\r'),
        # no JSON, and yet what models write
        (r"\-\x41", "-x41"),
        (r"\u12g4", "u12g4"),
        (r"\u", "u"),
        (r"\u00", "u00"),
        ("\\", "\\"),
        ("a\nb\tc\x00", "a\nb\tc\x00"),
    ],
)
def test_an_escape_is_read_the_same_wherever_it_is_cut(source: str, meant: str) -> None:
    assert decoded(source, []) == meant
    assert decoded(source, list(range(len(source)))) == meant
    for cut in range(len(source)):
        assert decoded(source, [cut]) == meant


@pytest.mark.parametrize(
    ("source", "stop"), [('a"b', 1), ('"', 0), ("ab\\", 2), (r"ab\u00", 2), (r"ab\ud83d\u", 2), ("ab", 2), (r"\"", 2)]
)
def test_reading_stops_at_the_quote_and_at_an_escape_that_may_go_on(source: str, stop: int) -> None:
    assert read(source, 0, Spelled())[1] == stop


def test_the_source_of_each_character_is_kept() -> None:
    spelled = Spelled()
    read(r"ab\u0063d\ud83d\ude00\/", 0, spelled)
    assert spelled.characters == 23
    assert [spelled.take(1), spelled.take(2), spelled.take(2), spelled.take(0)] == [
        "a",
        r"b\u0063",
        r"d\ud83d\ude00",
        "",
    ]
    assert (str(spelled), spelled.characters) == (r"\/", 2)


@given(text=st.text(), count=st.integers(0, 20))
def test_it_is_known_where_in_the_source_the_last_characters_begin(text: str, count: int) -> None:
    spelled = Spelled()
    meant, _ = read(json.dumps(text)[1:-1], 0, spelled, complete=True)
    count = min(count, len(meant))
    last = str(spelled)[spelled.characters - spelled.length_of_last(count) :]
    assert read(last, 0, Spelled(), complete=True)[0] == meant[len(meant) - count :]
