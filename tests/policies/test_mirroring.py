"""policies.mirroring: how many copies there are at once."""

from sluice.policies.mirroring import MAX_AT_ONCE, MAX_BYTES, Mirror, Room, fires


def test_a_share_is_hit_as_often_as_it_says() -> None:
    dice = [number / 1000 for number in range(1000)]
    assert [sum(fires(share, die) for die in dice) for share in (0.0, 0.001, 0.25, 1.0)] == [0, 1, 250, 1000]
    assert Mirror(backend="b").share == 1.0


def test_there_is_room_for_so_many_and_no_more() -> None:
    room = Room()
    assert all(room.enter(1) for _ in range(MAX_AT_ONCE))
    assert not room.enter(1)
    room.leave(1)
    assert room.enter(1)
    assert room.running == MAX_AT_ONCE


def test_there_is_room_for_so_many_bytes_but_an_empty_room_takes_any() -> None:
    room = Room()
    assert room.enter(MAX_BYTES * 2)
    assert not room.enter(1)
    room.leave(MAX_BYTES * 2)
    assert room.enter(MAX_BYTES)
    assert not room.enter(1)
    assert room.running == 1
