"""testing/cuts.py: the cuttings that all other tests rely on."""

import pytest

from sluice.testing.cuts import (
    every_single_cut,
    every_size,
    every_way,
    every_way_around,
    one_byte_at_a_time,
    random_cuts,
)

DATA = bytes(range(40))


def test_no_cutting_loses_or_moves_a_byte() -> None:
    for pieces in [
        *every_single_cut(DATA),
        one_byte_at_a_time(DATA),
        *every_size(DATA),
        *random_cuts(DATA, 1, 50),
        *every_way_around(DATA, 20),
        *every_way_around(DATA, 0),
        *every_way_around(DATA, 40),
    ]:
        assert b"".join(pieces) == DATA


def test_every_offset_is_cut() -> None:
    assert [len(first) for first, _ in every_single_cut(DATA)] == list(range(41))
    assert one_byte_at_a_time(b"abc") == [b"a", b"b", b"c"]
    assert list(every_size(b"abcde", largest=3))[1:] == [[b"ab", b"cd", b"e"], [b"abc", b"de"]]


def test_every_way_is_every_way_once() -> None:
    ways = [tuple(pieces) for pieces in every_way(b"abcdef")]
    assert len(ways) == len(set(ways)) == 32
    assert list(every_way(b"")) == [[b""]]
    assert len(list(every_way_around(DATA, 7))) == 128


def test_every_way_of_long_data_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 16"):
        list(every_way(bytes(17)))


def test_random_cuts_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert list(random_cuts(DATA, 1, 20)) == list(random_cuts(DATA, 1, 20)) != list(random_cuts(DATA, 2, 20))
    assert len(list(random_cuts(b"", 1, 3))) == 3
    assert {len(pieces) for pieces in random_cuts(DATA, 3, 200)} > {1, 2, 10, 30}
