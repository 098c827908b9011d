"""Every store has one holder of a lease, and what one worker tells all of them hear."""

import asyncio
import time

from sluice.agents.ports import Store
from tests.stores.runs.filing import Make, opened
from tests.support.waiting import until


async def test_a_lease_has_one_holder_until_it_runs_out(store: Store) -> None:
    assert await store.acquire("l", "one", 100, 200)
    assert not await store.acquire("l", "two", 199, 300)
    assert await store.acquire("l", "one", 150, 250)
    assert not await store.acquire("l", "two", 249, 300)
    assert await store.acquire("l", "two", 250, 300)
    await store.release("l", "one")
    assert not await store.acquire("l", "one", 251, 300)
    await store.release("l", "two")
    assert await store.acquire("l", "one", 252, 300)
    assert await store.acquire("another", "two", 252, 300)
    await store.release("nobody's", "one")


async def test_of_workers_that_race_for_a_lease_one_has_it(two: tuple[Store, Store]) -> None:
    for number in range(20):
        races = [worker.acquire(f"l{number}", f"w{n}", 100, 200) for n, worker in enumerate((*two, *two))]
        assert sum(await asyncio.gather(*races)) == 1
        again = [worker.acquire(f"l{number}", f"v{n}", 200, 300) for n, worker in enumerate((*two, *two))]
        assert sum(await asyncio.gather(*again)) == 1


async def test_what_is_told_is_heard_by_whoever_told_it(store: Store) -> None:
    heard: list[tuple[str, bytes]] = []
    store.hear(lambda topic, message: heard.append((topic, message)))
    await store.tell("cancel", b"\0 any \xff bytes\n")
    await until(lambda: bool(heard))
    assert heard == [("cancel", b"\0 any \xff bytes\n")]


async def test_every_worker_hears_each_message_once_and_soon(make_shared: Make) -> None:
    one, other = make_shared(), make_shared()
    heard: dict[str, list[bytes]] = {"one": [], "other": []}
    one.hear(lambda _, message: heard["one"].append(message))
    other.hear(lambda _, message: heard["other"].append(message))
    waits: list[float] = []
    async with opened(one), opened(other):
        await one.tell("t", b"0")
        await until(lambda: bool(heard["other"]))
        for number in range(1, 13):
            began = time.monotonic()
            await (one if number % 2 else other).tell("t", b"%d" % number)
            expected = [b"%d" % each for each in range(number + 1)]
            await until(lambda expected=expected: heard == {"one": expected, "other": expected})  # type: ignore[misc]
            waits.append(time.monotonic() - began)
    assert max(waits) < 0.25, waits


async def test_a_worker_hears_nothing_of_what_was_told_before_it_came(make_shared: Make) -> None:
    async with opened(make_shared()) as one:
        await one.tell("t", b"before")
        late = make_shared()
        heard: list[bytes] = []
        late.hear(lambda _, message: heard.append(message))
        async with opened(late):
            await one.tell("t", b"after")
            await until(lambda: bool(heard))
        assert heard == [b"after"]


async def test_a_sweep_leaves_leases_that_are_held(store: Store) -> None:
    assert await store.acquire("l", "one", 100, 20_000_000)
    await store.sweep(10_000_000, 0)
    assert not await store.acquire("l", "two", 10_000_000, 20_000_000)
