"""Every store keeps a log in order, without gaps, whatever is in it."""

import asyncio
import time

from sluice.agents.ports import Store
from tests.stores.runs.filing import Make, event, opened, run, write


async def test_events_come_back_in_order_from_any_place(store: Store) -> None:
    await write(store, "r", 1, 200)
    assert await store.read("r", 0, 1000) == [event(seq) for seq in range(1, 201)]
    assert await store.read("r", 197, 2) == [event(198), event(199)]
    assert await store.read("r", 200, 10) == []
    assert await store.read("another", 0, 10) == []


async def test_runs_that_write_at_once_do_not_meet(store: Store) -> None:
    for seq in range(1, 51):
        for number in range(20):
            store.append(f"r{number}", seq, event(seq, f"of {number}"))
    await store.flush()
    for number in range(20):
        assert await store.read(f"r{number}", 0, 100) == [event(seq, f"of {number}") for seq in range(1, 51)]


async def test_ten_thousand_events_are_read_by_pages(store: Store) -> None:
    await write(store, "r", 1, 10_000)
    found: list[bytes] = []
    while page := await store.read("r", len(found), 256):
        assert len(page) <= 256
        found += page
    assert found == [event(seq) for seq in range(1, 10_001)]


async def test_an_event_may_hold_anything_and_be_large(store: Store) -> None:
    odd = ["\u2028 \x85 \x1f", "naïve 日本 🎈", "'; DROP TABLE events; --", "\\u0000"]
    events = [event(seq, text) for seq, text in enumerate(odd, 1)] + [b"\0\r\n\xff", b"x" * 3_000_000, b"y" * 3_000_000]
    for seq, data in enumerate(events, 1):
        store.append("r", seq, data)
    await store.flush()
    assert await store.read("r", 0, 100) == events


async def test_a_number_that_is_there_stays_as_it_is(store: Store) -> None:
    await write(store, "r", 1, 3)
    store.append("r", 3, b"another end")
    await store.flush()
    assert await store.read("r", 0, 10) == [event(1), event(2), event(3)]


async def test_what_is_safe_is_told_once_it_can_be_read(store: Store) -> None:
    told: dict[str, list[int]] = {}
    store.committed = lambda run_id, seq: told.setdefault(run_id, []).append(seq)
    for seq in range(1, 11):
        store.append("a", seq, event(seq))
        store.append("b", seq, event(seq))
    await store.flush()
    for run_id, numbers in told.items():
        assert numbers == sorted(numbers)
        assert numbers[-1] == 10
        assert len(await store.read(run_id, 0, 100)) == 10
    assert set(told) == {"a", "b"}


async def test_an_event_alone_is_safe_soon_without_a_flush(store: Store) -> None:
    safe = asyncio.Event()
    store.committed = lambda _run_id, _seq: safe.set()
    store.append("r", 1, event(1))
    async with asyncio.timeout(1):
        await safe.wait()
    assert await store.read("r", 0, 1) == [event(1)]


async def test_a_reader_waits_for_growth_and_no_longer_than_it_says(store: Store) -> None:
    await write(store, "r", 1, 3)
    assert await store.grown("r", 2, 0.5)
    assert not await store.grown("r", 3, 0.05)
    waiting = asyncio.create_task(store.grown("r", 4, 5))
    await asyncio.sleep(0.03)
    await write(store, "r", 4, 4)
    assert not waiting.done()
    await write(store, "r", 5, 5)
    async with asyncio.timeout(1):
        assert await waiting


async def test_growth_of_another_worker_is_heard_within_a_tenth_of_a_second(two: tuple[Store, Store]) -> None:
    one, other = two
    waits: list[float] = []
    for seq in range(1, 13):
        waiting = asyncio.create_task(other.grown("r", seq - 1, 5))
        await asyncio.sleep(0.01)
        one.append("r", seq, event(seq))
        began = time.monotonic()
        assert await waiting
        waits.append(time.monotonic() - began)
        assert await other.read("r", seq - 1, 10) == [event(seq)]
    assert sorted(waits)[-2] < 0.1, waits


async def test_a_log_outlives_the_worker_that_wrote_it(make_shared: Make) -> None:
    async with opened(make_shared()) as store:
        for seq in range(1, 6):
            store.append("r", seq, event(seq))  # closing writes what is waiting
    async with opened(make_shared()) as store:
        assert len(await store.read("r", 0, 10)) == 5


async def test_events_go_with_their_run_and_nothing_comes_after(store: Store) -> None:
    kept, gone = run(), run()
    for each in (kept, gone):
        await store.create_run(each)
        await write(store, each.id, 1, 3)
    store.append(gone.id, 4, event(4))
    await store.delete_run(gone.id)
    store.append(gone.id, 5, event(5))
    await store.flush()
    await store.sweep(kept.created, 0)
    assert await store.read(gone.id, 0, 10) == []
    assert len(await store.read(kept.id, 0, 10)) == 3


async def test_a_sweep_forgets_the_events_of_runs_that_ended_before_and_no_others(store: Store) -> None:
    old, fresh, live = run(status="success", finished=100), run(status="error", finished=200), run(status="running")
    for each in (old, fresh, live):
        await store.create_run(each)
        await write(store, each.id, 1, 2)
    await store.sweep(0, 200)
    assert [len(await store.read(each.id, 0, 10)) for each in (old, fresh, live)] == [0, 2, 2]
    assert await store.get_run(old.id) == old
