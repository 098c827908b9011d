"""A store's one task: it ends with the store, and a store whose task failed takes its owner with it."""

import asyncio

import pytest

from sluice.stores.background import Background


async def test_it_runs_until_it_is_stopped_and_stopping_it_twice_does_nothing() -> None:
    background, runs = Background(), asyncio.Event()

    async def forever() -> None:
        runs.set()
        await asyncio.Event().wait()

    await background.start(forever(), "forever")
    await runs.wait()
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "forever")
    for _ in range(2):
        await background.stop()
        assert task.cancelled()
        assert not background.runs


async def test_one_that_ends_by_itself_is_waited_for() -> None:
    background, done = Background(), list[int]()

    async def shortly() -> None:
        await asyncio.sleep(0)
        done.append(1)

    await background.start(shortly(), "shortly")
    await background.ended()
    assert done == [1]


async def test_nobody_waits_for_a_store_whose_task_has_failed() -> None:
    async def owner() -> None:
        background = Background()

        async def fails() -> None:
            raise ValueError("broken")

        await background.start(fails(), "fails")
        try:
            await asyncio.Event().wait()
        finally:
            await background.stop()

    with pytest.raises(BaseExceptionGroup) as caught:
        async with asyncio.timeout(5):
            await owner()
    assert caught.group_contains(ValueError, match="broken")
