"""Every store keeps items alike; a swap has one winner."""

import asyncio
from typing import Any

import msgspec
import pytest

from sluice.agents.ports import Store
from tests.stores.runs.filing import START, Wall, item


async def test_an_item_comes_back_as_it_was_put_and_keeps_when_it_was_made(store: Store) -> None:
    values: list[Any] = [{"a": [1, 2.5, None, True, "日本\0"]}, "text", 0, [], None]
    for value in values:
        await store.put_item(item("a", "b", value=value))
        assert await store.get_item(("a", "b"), "k") == item("a", "b", value=value)
    await store.put_item(item("a", "b", value=2, created=START + 5, updated=START + 5))
    assert await store.get_item(("a", "b"), "k") == item("a", "b", value=2, created=START, updated=START + 5)
    assert await store.get_item(("a",), "k") is None
    assert await store.delete_item(("a", "b"), "k") is True
    assert await store.delete_item(("a", "b"), "k") is False


async def test_what_has_expired_is_not_there(store: Store, wall: Wall) -> None:
    await store.put_item(item("a", expires=START + 100))
    await store.put_item(item("a", key="kept"))
    wall.ms = START + 99
    assert await store.get_item(("a",), "k") is not None
    wall.ms = START + 100
    assert await store.get_item(("a",), "k") is None
    assert [each.key for each in await store.search_items(())] == ["kept"]
    assert await store.delete_item(("a",), "k") is False
    await store.put_item(item("b", expires=START + 100))
    assert await store.namespaces(()) == [("a",)]
    await store.put_item(item("b", created=START + 200))
    assert await store.get_item(("b",), "k") == item("b", created=START + 200)
    await store.put_item(item("c", expires=START + 150))
    await store.sweep(START + 150, 0)
    wall.ms = START
    assert await store.get_item(("c",), "k") is None
    assert await store.clear(()) == 2


async def test_a_swap_changes_only_what_the_caller_has_read(store: Store, wall: Wall) -> None:
    fresh = item("a", value={"state": "pending"}, expires=START + 100)
    assert await store.swap_item(fresh, None) is True
    assert await store.swap_item(fresh, None) is False
    read = await store.get_item(("a",), "k")
    assert read == fresh
    taken = msgspec.structs.replace(fresh, value={"state": "taken"})
    assert await store.swap_item(taken, msgspec.structs.replace(fresh, value={"state": "other"})) is False
    assert await store.swap_item(taken, msgspec.structs.replace(fresh, updated=START + 1)) is False
    assert await store.swap_item(taken, read) is True
    assert await store.swap_item(taken, read) is False
    assert await store.get_item(("a",), "k") == taken
    assert await store.swap_item(item("b"), taken) is False
    wall.ms = START + 100
    assert await store.swap_item(fresh, taken) is False
    assert await store.swap_item(item("a", value=3), None) is True


async def test_a_value_belongs_to_who_reads_it(store: Store) -> None:
    value: dict[str, Any] = {"seen": [1]}
    await store.put_item(item("a", value=value))
    value["seen"].append(2)
    read = await store.get_item(("a",), "k")
    assert read is not None
    read.value["seen"].append(3)
    assert (await store.get_item(("a",), "k")) == item("a", value={"seen": [1]})


async def test_of_workers_that_race_for_a_swap_one_wins(two: tuple[Store, Store]) -> None:
    known = None
    for number in range(20):
        fresh = [item("a", value=f"{number} of {n}", updated=START + number) for n in range(4)]
        swaps = zip((*two, *two), fresh, strict=True)
        won = await asyncio.gather(*(worker.swap_item(one, known) for worker, one in swaps))
        assert sum(won) == 1
        known = await two[0].get_item(("a",), "k")
        assert known == fresh[won.index(True)]


async def test_items_are_found_below_a_namespace_and_by_their_values(store: Store) -> None:
    places = [("user", "ann", "a"), ("user", "ann"), ("user", "anna"), ("user", "bob"), ("user",), ("other",)]
    for number, place in enumerate(places):
        await store.put_item(item(*place, value={"n": number, "even": number % 2 == 0}, updated=START + number))

    async def found(*prefix: str, **asked: Any) -> list[int]:
        return [each.value["n"] for each in await store.search_items(prefix, **asked)]

    assert await found() == [5, 4, 3, 2, 1, 0]
    assert await found("user") == [4, 3, 2, 1, 0]
    assert await found("user", "ann") == [1, 0]
    assert await found("user", "nobody") == []
    assert await found("user", limit=2, offset=1) == [3, 2]
    assert await found(filter={"even": True}, limit=2) == [4, 2]
    assert await found(filter={"even": True, "n": 2}) == [2]
    assert await store.namespaces(("user",)) == sorted(places[:5])
    assert await store.namespaces((), max_depth=1) == [("other",), ("user",)]
    assert await store.namespaces(("user",), max_depth=2, limit=2, offset=1) == [("user", "ann"), ("user", "anna")]
    assert await store.clear(("user", "ann")) == 2
    assert await found("user") == [4, 3, 2]


async def test_a_namespace_and_a_key_may_be_any_text(store: Store) -> None:
    for odd in ("", "a\x1fb", "a\\", "\0", "\\u", "日本 🎈", "a.b/c:d%_*"):
        await store.put_item(item("n", odd, key=odd))
        await store.put_item(item("n", odd, odd, key="other"))
        await store.put_item(item("n", odd + "x", key=odd))
        assert await store.get_item(("n", odd), odd) == item("n", odd, key=odd)
        assert len(await store.search_items(("n", odd))) == 2
        assert await store.namespaces(("n", odd)) == [("n", odd), ("n", odd, odd)]
        assert await store.clear(("n", odd)) == 2


async def test_many_items_are_searched_and_cleared(store: Store) -> None:
    await asyncio.gather(*(store.put_item(item("many", key=f"{n:04}", value={"n": n})) for n in range(700)))
    assert len(await store.search_items(("many",), limit=1000)) == 700
    assert [each.key for each in await store.search_items(("many",), filter={"n": 650})] == ["0650"]
    assert await store.clear(("many",)) == 700


async def test_a_value_that_is_no_json_is_refused(store: Store) -> None:
    with pytest.raises(TypeError):
        await store.put_item(item("a", value=object()))
    assert await store.get_item(("a",), "k") is None
