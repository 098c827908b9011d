"""What every store of limits promises: all or nothing, never too much, nothing lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores.counting import HOUR_US, Store, draw, place, rate, store

KINDS = ("memory", "shared", "redis")


@pytest.fixture(params=KINDS)
async def counters(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with store(request.param, tmp_path) as found:
        yield found


async def level(counters: Store, key: str = "k", *, capacity: int = 10) -> int:
    """What a bucket holds: a draw that asks for more than there can be takes nothing, and says."""
    asked = draw(0, of=rate(capacity), key=key, needs=1 << 40)
    return (await counters.take([asked])).drawn[0].level


async def test_a_bucket_begins_full_and_gives_what_it_has(counters: Store) -> None:
    for left in range(9, -1, -1):
        verdict = await counters.take([draw()])
        assert verdict.admitted
        assert (verdict.drawn[0].taken, verdict.drawn[0].level) == (1, left)
    refused = await counters.take([draw()])
    assert not refused.admitted
    assert refused.drawn[0].refused
    assert 0 < refused.drawn[0].wait_us <= HOUR_US


async def test_all_is_taken_or_nothing(counters: Store) -> None:
    verdict = await counters.take([draw(3, key="a"), draw(11, key="b")], [place(key="x")])
    assert not verdict.admitted
    assert [each.refused for each in verdict.drawn] == [False, True]
    assert await level(counters, "a") == 10
    assert (await counters.take([], [place(1, key="x")])).admitted


async def test_a_full_house_takes_no_tokens(counters: Store) -> None:
    assert (await counters.take([], [place(1)])).admitted
    verdict = await counters.take([draw(4)], [place(1)])
    assert [each.name for each in verdict.full] == ["a"]
    assert not verdict.drawn[0].refused
    assert await level(counters) == 10


async def test_a_place_that_is_left_is_free_at_once(counters: Store) -> None:
    for _ in range(20):
        assert (await counters.take([], [place(1)])).admitted
        assert not (await counters.take([], [place(1)])).admitted
        counters.leave(place(1))


async def test_leaving_a_place_that_nobody_has_does_no_harm(counters: Store) -> None:
    counters.leave(place(1))
    assert (await counters.take([], [place(1)])).admitted
    assert not (await counters.take([], [place(1)])).admitted


async def test_keys_have_buckets_and_places_of_their_own(counters: Store) -> None:
    assert (await counters.take([draw(10, key="a")], [place(1, key="a")])).admitted
    assert (await counters.take([draw(10, key="b")], [place(1, key="b")])).admitted
    assert not (await counters.take([draw(1, key="a")])).admitted


async def test_what_is_put_back_can_be_taken_and_no_more_than_the_bucket_holds(counters: Store) -> None:
    await counters.take([draw(10)])
    counters.give(draw(), 4)
    assert await level(counters) == 4
    counters.give(draw(), 400)
    assert await level(counters) == 10


async def test_what_was_used_beyond_is_owed(counters: Store) -> None:
    await counters.take([draw(10)])
    counters.give(draw(), -25)
    verdict = await counters.take([draw()])
    assert (verdict.admitted, verdict.drawn[0].level) == (False, -25)
    assert 2 * HOUR_US < verdict.drawn[0].wait_us <= 3 * HOUR_US


async def test_a_draw_may_owe_from_the_beginning_if_that_is_how_it_is_admitted(counters: Store) -> None:
    verdict = await counters.take([draw(25, needs=1)])
    assert (verdict.admitted, verdict.drawn[0].taken, verdict.drawn[0].level) == (True, 25, -15)


async def test_a_partial_draw_takes_no_more_than_is_there(counters: Store) -> None:
    verdict = await counters.take([draw(25, needs=1, partial=True)])
    assert (verdict.drawn[0].taken, verdict.drawn[0].level) == (10, 0)
    assert not (await counters.take([draw(25, needs=1, partial=True)])).admitted


async def test_a_bucket_is_filled_when_its_interval_is_over(counters: Store) -> None:
    limit = rate(2, fill=2, interval_us=100_000)
    assert (await counters.take([draw(2, of=limit, key="f")])).admitted
    refused = await counters.take([draw(of=limit, key="f")])
    assert not refused.admitted
    async with asyncio.timeout(5):
        while not (await counters.take([draw(of=limit, key="f")])).admitted:
            await asyncio.sleep(0.01)


async def test_500_at_once_get_what_is_there_and_not_one_more(counters: Store) -> None:
    limit = rate(100)
    verdicts = await asyncio.gather(*(counters.take([draw(of=limit, key="c")], [place(60)]) for _ in range(500)))
    assert sum(verdict.admitted for verdict in verdicts) == 60
    assert await level(counters, "c", capacity=100) == 40


async def test_no_settlement_is_lost_in_any_order(counters: Store) -> None:
    """Random reservations, aborted or settled at random: what is left is what was not used, to the token."""
    chance, limit, used = random.Random(5), rate(10_000), 0

    async def exchange() -> None:
        nonlocal used
        asked = draw(chance.randint(1, 60), of=limit, key="s")
        verdict = await counters.take([asked], [place(1000, key="s")])
        await asyncio.sleep(chance.random() * 0.02)
        if verdict.admitted:
            spent = chance.randint(0, 80)
            used += spent
            counters.give(asked, verdict.drawn[0].taken - spent)
            counters.leave(place(1000, key="s"))

    await asyncio.gather(*(exchange() for _ in range(200)))
    assert await level(counters, "s", capacity=10_000) == 10_000 - used
    assert (await counters.take([], [place(1, key="s")])).admitted
