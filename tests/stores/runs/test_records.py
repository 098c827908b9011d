"""Every store keeps runs alike."""

import asyncio

import msgspec

from sluice.agents.ports import Store
from sluice.runs.records import RunError
from tests.stores.runs.filing import message, run


async def test_a_run_comes_back_as_it_was_put(store: Store) -> None:
    began = run(
        request_id="q", input=(message("m", "日本 \\ \u2028"),), options={"modes": ["values"], "deep": {"a": None}}
    )
    assert await store.create_run(began) == began
    assert await store.get_run(began.id) == began
    ended = msgspec.structs.replace(
        began, status="error", error=RunError(code="c", message="m"), finished=5, last_seq=9
    )
    await store.put_run(ended)
    assert await store.get_run(began.id) == ended
    assert await store.get_run("another") is None


async def test_a_run_that_has_ended_stays_as_it_ended(two: tuple[Store, Store]) -> None:
    heir, zombie = two
    began = await zombie.create_run(run(status="running"))
    ended = msgspec.structs.replace(began, status="error", error=RunError(code="c", message="m"), finished=5)
    await heir.put_run(ended)
    for late in (began, msgspec.structs.replace(began, status="success", finished=7)):
        await zombie.put_run(late)
        assert await zombie.get_run(began.id) == await heir.get_run(began.id) == ended
        assert await heir.live_runs() == []
    answered = msgspec.structs.replace(ended, metadata={"asked": "again"})  # what is said of it later is no end
    await heir.put_run(answered)
    assert await heir.get_run(began.id) == answered


async def test_a_request_id_is_one_run_of_an_owner_and_agent(store: Store) -> None:
    first = await store.create_run(run(request_id="q"))
    assert await store.create_run(run(request_id="q")) == first
    others = [run(request_id="q", owner="bob"), run(request_id="q", agent="other"), run(), run()]
    for other in others:
        assert await store.create_run(other) == other
    assert await store.find_run("ann", "q", "echo") == first
    assert await store.find_run("ann", "q") == others[1]  # the newest of any agent
    assert await store.find_run("bob", "q") == others[0]
    assert await store.find_run("eve", "q") is None
    await store.delete_run(first.id)
    assert await store.find_run("ann", "q", "echo") is None
    again = run(request_id="q")
    assert await store.create_run(again) == again


async def test_of_workers_that_race_for_a_request_id_all_get_the_same_run(two: tuple[Store, Store]) -> None:
    for number in range(20):
        found = await asyncio.gather(*(worker.create_run(run(request_id=f"q{number}")) for worker in (*two, *two)))
        assert len({each.id for each in found}) == 1
    assert len(await two[0].list_runs("ann", "t", limit=100)) == 20


async def test_runs_of_a_thread_are_listed_newest_first(store: Store) -> None:
    runs = [run(status="success" if number % 2 else "running") for number in range(6)]
    for each in runs:
        await store.create_run(each)
    await store.create_run(run(thread_id="other"))
    await store.create_run(run(owner="bob"))
    assert await store.list_runs("ann", "t") == runs[::-1]
    assert await store.list_runs("ann", "t", limit=2, offset=1) == [runs[4], runs[3]]
    assert await store.list_runs("ann", "t", status="success", limit=2, offset=1) == [runs[3], runs[1]]
    assert await store.list_runs("eve", "t") == []


async def test_live_runs_are_those_of_all_owners_that_have_not_ended(store: Store) -> None:
    pending, running, ended = run(), run(owner="bob", status="running"), run(status="success")
    for each in (pending, running, ended):
        await store.create_run(each)
    assert [each.id for each in await store.live_runs()] == [pending.id, running.id]
    await store.put_run(msgspec.structs.replace(running, status="cancelled"))
    assert [each.id for each in await store.live_runs()] == [pending.id]
    await store.delete_run(pending.id)
    assert await store.live_runs() == []


async def test_ids_that_no_database_likes_are_ids(store: Store) -> None:
    for odd in ("a\0b", "a\\0b", "a\\b", "%", "'", "日本", "a b\n", "*"):
        each = run(owner=odd, thread_id=odd, request_id=odd, agent=odd)
        await store.create_run(each)
        assert await store.find_run(odd, odd, odd) == each
        assert await store.list_runs(odd, odd) == [each]
    assert await store.get_run("\0") is None
