"""Every store keeps threads, messages and checkpoints alike, and nobody sees another's."""

import asyncio

import msgspec

from sluice.agents.ports import Store
from tests.stores.runs.filing import checkpoint, message, run, thread, write


async def test_two_owners_may_have_the_same_id_and_never_meet(store: Store) -> None:
    anns, bobs = thread(id="x", metadata={"of": "ann"}), thread(id="x", owner="bob")
    assert await store.create_thread(anns) == anns
    assert await store.create_thread(bobs) == bobs
    assert await store.create_thread(thread(id="x", metadata={"another": 1})) == anns
    assert await store.get_thread("ann", "x") == anns
    assert await store.get_thread("eve", "x") is None
    await store.put_thread(msgspec.structs.replace(bobs, status="busy"))
    assert await store.get_thread("ann", "x") == anns
    assert await store.delete_thread("eve", "x") is False
    assert await store.delete_thread("bob", "x") is True
    assert await store.get_thread("ann", "x") == anns


async def test_of_workers_that_race_for_a_thread_all_get_the_same(two: tuple[Store, Store]) -> None:
    makers = [worker.create_thread(thread(id="x", metadata={"n": n})) for n, worker in enumerate((*two, *two))]
    found = await asyncio.gather(*makers)
    assert all(each == found[0] for each in found)


async def test_a_thread_goes_with_all_that_belongs_to_it(store: Store) -> None:
    mine, others = run(thread_id="x", request_id="q"), run(thread_id="y")
    for each in (mine, others):
        await store.create_thread(thread(id=each.thread_id))
        await store.create_run(each)
        await write(store, each.id, 1, 2)
        await store.add_messages("ann", each.thread_id, [message("m")])
        await store.put_checkpoint(checkpoint("c", thread_id=each.thread_id))
    assert await store.delete_thread("ann", "x")
    assert await store.get_run(mine.id) is None
    assert await store.find_run("ann", "q") is None
    assert await store.live_runs() == [others]
    for each, count in ((mine, 0), (others, 1)):
        assert len(await store.read(each.id, 0, 10)) == 2 * count
        assert len(await store.list_messages("ann", each.thread_id)) == count
        assert len(await store.list_checkpoints("ann", each.thread_id)) == count


async def test_threads_are_found_by_all_that_is_asked_for(store: Store) -> None:
    threads = [
        thread(id=f"t{n}", updated=100 - n, status="busy" if n % 3 else "idle", metadata={"n": n % 2, "tags": ["a", n]})
        for n in range(8)
    ]
    for each in threads:
        await store.create_thread(each)
    await store.create_thread(thread(owner="bob"))

    async def found(**asked: object) -> list[str]:
        return [each.id for each in await store.search_threads("ann", **asked)]  # type: ignore[arg-type]

    assert await found() == [f"t{n}" for n in range(8)]
    assert await found(limit=2, offset=3) == ["t3", "t4"]
    assert await found(status="idle", sort_by="id", descending=False) == ["t0", "t3", "t6"]
    assert await found(metadata={"n": 1}, limit=2, offset=1) == ["t3", "t5"]
    assert await found(metadata={"n": 1, "tags": ["a", 3]}) == ["t3"]
    assert await found(metadata={"none": None}) == []
    assert await found(ids=["t5", "t1", "nobody's"], sort_by="id") == ["t5", "t1"]
    assert await found(ids=[]) == []
    assert await found(sort_by="status", descending=False, limit=4) == ["t1", "t2", "t4", "t5"]


async def test_a_search_looks_at_all_pages(store: Store) -> None:
    await asyncio.gather(*(store.create_thread(thread(id=f"t{n:03}", metadata={"n": n})) for n in range(300)))
    found = await store.search_threads("ann", metadata={"n": 7}, sort_by="id")
    assert [each.id for each in found] == ["t007"]


async def test_messages_stay_in_order_and_one_of_the_same_id_takes_the_place(store: Store) -> None:
    await store.add_messages("ann", "t", [message("a"), message("b")])
    await store.add_messages("ann", "t", [message("c"), message("a", "changed")])
    await store.add_messages("ann", "t", [])
    kept = [message("a", "changed"), message("b"), message("c")]
    assert await store.list_messages("ann", "t") == kept
    assert await store.list_messages("ann", "t", limit=2) == kept[1:]
    assert await store.list_messages("ann", "t", limit=9) == kept
    assert await store.list_messages("bob", "t") == []
    await store.replace_messages("ann", "t", [message("c"), message("z")])
    assert await store.list_messages("ann", "t") == [message("c"), message("z")]
    await store.replace_messages("ann", "t", [])
    assert await store.list_messages("ann", "t") == []


async def test_checkpoints_are_listed_newest_first_by_namespace(store: Store) -> None:
    for number in range(5):
        await store.put_checkpoint(checkpoint(f"c{number}", step=number, state={"n": number}))
    await store.put_checkpoint(checkpoint("c9", ns="sub"))

    async def listed(**asked: object) -> list[str]:
        return [each.id for each in await store.list_checkpoints("ann", "t", **asked)]  # type: ignore[arg-type]

    assert await listed() == ["c4", "c3", "c2", "c1", "c0"]
    assert await listed(before="c3", limit=2) == ["c2", "c1"]
    assert await listed(before="nobody's") == []
    assert await listed(ns="sub") == ["c9"]
    newest, named = await store.get_checkpoint("ann", "t"), await store.get_checkpoint("ann", "t", checkpoint_id="c1")
    assert newest is not None
    assert newest.id == "c4"
    assert named is not None
    assert named.state == {"n": 1}
    assert await store.get_checkpoint("bob", "t") is None
    assert await store.get_checkpoint("ann", "t", checkpoint_id="c9") is None
    await store.put_checkpoint(checkpoint("c1", state={"n": "changed"}))
    assert await listed() == ["c4", "c3", "c2", "c1", "c0"]


async def test_a_state_belongs_to_who_reads_it(store: Store) -> None:
    await store.put_checkpoint(checkpoint("c", state={"seen": [1]}))
    first = await store.get_checkpoint("ann", "t")
    assert first is not None
    first.state["seen"].append(2)
    second = await store.get_checkpoint("ann", "t")
    assert second is not None
    assert second.state == {"seen": [1]}


async def test_a_thread_may_have_any_id(store: Store) -> None:
    for odd in ("a\0b", "a\\b", "日本 🎈", "'\"", "\x1f"):
        await store.create_thread(thread(id=odd))
        await store.add_messages("ann", odd, [message(odd, odd)])
        await store.put_checkpoint(checkpoint(odd, ns=odd, thread_id=odd))
        assert [each.id for each in await store.search_threads("ann", ids=[odd])] == [odd]
        assert await store.list_messages("ann", odd) == [message(odd, odd)]
        assert [each.id for each in await store.list_checkpoints("ann", odd, ns=odd)] == [odd]
