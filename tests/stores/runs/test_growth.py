"""Who waits for a log is woken by what goes beyond, looks again when it must, and leaves nothing behind."""

import asyncio

from sluice.stores.runs_growth import Growth


async def test_a_waiter_is_woken_only_by_what_goes_beyond() -> None:
    async def nothing(_: str) -> int:
        return 0

    growth = Growth(nothing)
    waits = [asyncio.create_task(growth.beyond("r", after, 5)) for after in (3, 4)]
    await asyncio.sleep(0.001)
    growth.reached("another", 9)
    growth.reached("r", 3)
    assert not any(wait.done() for wait in waits)
    growth.reached("r", 4)
    assert await waits[0]
    assert not waits[1].done()
    assert list(growth.runs) == ["r"]
    waits[1].cancel()
    await asyncio.wait(waits)
    assert list(growth.runs) == []


async def test_what_was_missed_is_found_by_looking_again() -> None:
    lasts = [0]

    async def last(_: str) -> int:
        return lasts[0]

    growth = Growth(last)
    wait = asyncio.create_task(growth.beyond("r", 0, 5))
    await asyncio.sleep(0.001)
    growth.look_again()
    await asyncio.sleep(0.001)
    assert not wait.done()
    lasts[0] = 1
    growth.look_again()
    assert await wait


async def test_a_wait_ends_when_its_time_is_over() -> None:
    async def nothing(_: str) -> int:
        return 0

    growth = Growth(nothing)
    assert not await growth.beyond("r", 0, 0.001)
    assert growth.runs == ()
