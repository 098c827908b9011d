"""The door: who comes in a crowd begins a little later, in order, and those who are in have their turn between."""

import asyncio
import time
from collections import Counter

from sluice.gateway.door import AT_ONCE, LEAST, LONG_S, Door
from sluice.policies.admission import Admission


class Guest:
    """An exchange that notes in which turn of the loop it began."""

    def __init__(self, turns: "Turns") -> None:
        self.admitted = False
        self.began: int | None = None
        self._turns = turns

    def start(self) -> None:
        assert self.began is None
        self.began = self._turns.number

    def shed(self) -> None:
        raise AssertionError("there was room")


class Turns:
    """Counts the turns of the event loop."""

    def __init__(self) -> None:
        self.number = 0
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._count)

    def _count(self) -> None:
        self.number += 1
        self._handle = self._loop.call_soon(self._count)

    def stop(self) -> None:
        self._handle.cancel()


async def crowd(number: int) -> tuple[Door, Turns, list[Guest]]:
    door, turns = Door(Admission(), time.monotonic), Turns()
    guests = [Guest(turns) for _ in range(number)]
    for guest in guests:
        door.enter(guest, 0.0)
    return door, turns, guests


async def until_begun(guests: list[Guest]) -> None:
    async with asyncio.timeout(5):
        while any(guest.began is None for guest in guests):
            await asyncio.sleep(0)


async def test_a_crowd_begins_in_order_some_in_each_turn() -> None:
    number = 3 * AT_ONCE + 1
    _, turns, guests = await crowd(number)
    assert all(guest.admitted for guest in guests)
    assert [guest.began for guest in guests] == [0] * AT_ONCE + [None] * (number - AT_ONCE)
    await until_begun(guests)
    turns.stop()
    began = [guest.began or 0 for guest in guests]
    assert began == sorted(began)
    assert max(map(began.count, set(began))) == AT_ONCE


async def test_fewer_begin_where_turns_are_long_and_more_again_where_they_are_not() -> None:
    turns, taken_s = Turns(), [1.5 * LONG_S]
    door = Door(Admission(), lambda: turns.number * taken_s[0])
    guests = [Guest(turns) for _ in range(100)]
    for guest in guests:
        door.enter(guest, 0.0)
    async with asyncio.timeout(5):
        while sum(guest.began is not None for guest in guests) < AT_ONCE + AT_ONCE // 2 + 3 * LEAST:
            await asyncio.sleep(0)
        taken_s[0] = 0.0
        await until_begun(guests)
    turns.stop()
    counts = list(Counter(guest.began for guest in guests).values())
    assert counts[:5] == [AT_ONCE, AT_ONCE // 2, LEAST, LEAST, LEAST]
    assert counts[5:12] == [5, 6, 7, 8, 9, 10, 11]


async def test_who_comes_alone_begins_at_once_after_a_crowd_too() -> None:
    door, turns, guests = await crowd(AT_ONCE + 1)
    await until_begun(guests)
    await asyncio.sleep(0)
    late = Guest(turns)
    door.enter(late, 0.0)
    assert late.began == turns.number
    turns.stop()


async def test_who_leaves_before_the_turn_never_begins_and_the_others_do() -> None:
    door, turns, guests = await crowd(AT_ONCE + 3)
    left = guests.pop(AT_ONCE + 1)
    door.leave(left, 0.0)
    await until_begun(guests)
    turns.stop()
    assert left.began is None
