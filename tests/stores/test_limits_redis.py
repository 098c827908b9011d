"""Limits of all replicas: exact between processes, nothing lost, and no request waits for a Redis that is gone."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from sluice.gateway.limits_ports import StoreGone, Verdict
from sluice.policies.bucket import filled, takes
from sluice.stores.limits_redis import _TAKE, DEADLINE_S, LIFE_MS, RedisCounters, Word
from sluice.stores.limits_script import TAKE
from sluice.stores.redis_link import Script
from sluice.stores.resp import Lost, Reply, RespConnection
from tests.stores.counting import draw, place, rate, redis_counters
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

STALL_S = 0.05


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


async def level(counters: RedisCounters, key: str = "k", capacity: int = 10) -> int:
    asked = draw(0, of=rate(capacity), key=key, needs=1 << 40)
    return (await counters.take([asked], [])).drawn[0].level


async def test_two_processes_count_as_one(server: RedisServer) -> None:
    async with redis_counters(server.url) as one, redis_counters(server.url) as two:
        limit = rate(150)
        asks = [each.take([draw(of=limit)], [place(120)]) for _ in range(200) for each in (one, two)]
        verdicts = await asyncio.gather(*asks)
        assert sum(verdict.admitted for verdict in verdicts) == 120
        assert await level(one, capacity=150) == await level(two, capacity=150) == 30


async def test_what_a_process_leaves_it_may_have_at_once_and_others_a_moment_later(server: RedisServer) -> None:
    async with redis_counters(server.url) as one, redis_counters(server.url) as two:
        for _ in range(20):
            assert (await one.take([], [place(1)])).admitted
            assert not (await two.take([], [place(1)])).admitted
            one.put_back([], [place(1)])
            assert (await one.take([], [place(1)])).admitted
            one.put_back([], [place(1)])
            async with asyncio.timeout(5):
                while not (await two.take([], [place(1)])).admitted:
                    await asyncio.sleep(0)
            two.put_back([], [place(1)])
            async with asyncio.timeout(5):
                while not (await one.take([], [place(1)])).admitted:
                    await asyncio.sleep(0)
            one.put_back([], [place(1)])


@pytest.mark.parametrize("answered_first", [True, False], ids=["after the answer", "before it"])
async def test_who_gives_up_in_the_turn_of_the_answer_keeps_nothing(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, answered_first: bool
) -> None:
    async with redis_counters(server.url) as one, redis_counters(server.url) as two:
        run = one._link.run
        asking: asyncio.Task[Verdict]

        def hasty(
            script: Script, keys: Sequence[str], words: Sequence[Word], then: Callable[[Reply | Lost], None]
        ) -> None:
            def both(reply: Reply | Lost) -> None:
                if answered_first:
                    then(reply)
                asking.cancel()
                if not answered_first:
                    then(reply)

            run(script, keys, words, both if script is _TAKE else then)

        limit = rate(10)
        with monkeypatch.context() as patched:
            patched.setattr(one._link, "run", hasty)
            asking = asyncio.create_task(one.take([draw(of=limit)], [place(1)]))
            with pytest.raises(asyncio.CancelledError):
                await asking
        async with asyncio.timeout(5):
            while not (await two.take([], [place(1)])).admitted:
                await asyncio.sleep(0)
        assert one._held == {}
        assert await level(two) == 10


async def test_places_of_a_process_that_died_are_free_when_its_word_has_run_out(server: RedisServer) -> None:
    async with redis_counters(server.url) as survivor:
        async with redis_counters(server.url) as dies:
            assert (await dies.take([], [place(1)])).admitted
        began = time.monotonic()
        async with asyncio.timeout(2 * LIFE_MS / 1000):
            while not (await survivor.take([], [place(1)])).admitted:
                await asyncio.sleep(0.05)
        assert time.monotonic() - began <= LIFE_MS / 1000 + 0.5


async def test_places_of_a_process_that_lives_are_held_beyond_that(server: RedisServer) -> None:
    async with redis_counters(server.url) as one, redis_counters(server.url) as two:
        assert (await one.take([], [place(1)])).admitted
        until_s = time.monotonic() + 1.3 * LIFE_MS / 1000
        while time.monotonic() < until_s:
            assert not (await two.take([], [place(1)])).admitted
            await asyncio.sleep(0.1)


async def test_a_reservation_that_nobody_waits_for_any_more_is_put_back(server: RedisServer) -> None:
    async with redis_counters(server.url) as counters:
        tasks = [asyncio.create_task(counters.take([draw(3, of=rate(1000))], [place(500)])) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(each, asyncio.CancelledError) for each in done) == 50
        await settled(counters, capacity=1000, expected=1000 - 150)
        assert not (await counters.take([], [place(50)])).admitted
        assert (await counters.take([], [place(51)])).admitted


async def settled(counters: RedisCounters, *, capacity: int, expected: int) -> None:
    async with asyncio.timeout(5):
        while await level(counters, capacity=capacity) != expected:
            await asyncio.sleep(0.01)


async def test_a_redis_that_is_gone_is_said_at_once_and_used_again_when_it_is_back(server: RedisServer) -> None:
    said: list[str] = []
    async with redis_counters(server.url, said, deadline_s=DEADLINE_S) as counters:
        assert (await counters.take([draw(10)], [])).admitted
        server.stop()
        await until(lambda: said[-1] == "gone")
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(StoreGone):
                await counters.take([draw()], [])
        assert time.monotonic() - began < 20 * STALL_S
        server.start()
        await until(lambda: said[-1] == "there")
        assert (await counters.take([draw()], [])).admitted


async def test_a_redis_that_falls_silent_delays_nobody_by_50_ms_and_soon_nobody_at_all(server: RedisServer) -> None:
    """Judged by the best of some times: what this machine does meanwhile is not ours."""
    async with redis_counters(server.url, deadline_s=DEADLINE_S) as counters:
        firsts: list[float] = []
        others: list[float] = []
        for _ in range(5):
            await admitted(counters)
            server.freeze()
            for waits in (firsts, others, others, others):
                began = time.monotonic()
                with pytest.raises(StoreGone):
                    await counters.take([draw()], [])
                waits.append(time.monotonic() - began)
            server.thaw()
        assert DEADLINE_S * 0.9 <= min(firsts) < STALL_S
        assert sorted(others)[len(others) // 2] < DEADLINE_S / 2
        await admitted(counters)
        await settled(counters, capacity=10, expected=10 - 6)  # those that came too late were put back


async def admitted(counters: RedisCounters) -> None:
    """Take one, as soon as Redis answers."""
    async with asyncio.timeout(10):
        while True:
            try:
                assert (await counters.take([draw()], [])).admitted
                return
            except StoreGone:
                await asyncio.sleep(0.01)


async def test_what_was_put_back_while_redis_was_silent_arrives(server: RedisServer) -> None:
    said: list[str] = []
    async with redis_counters(server.url, said, deadline_s=DEADLINE_S) as counters:
        assert (await counters.take([draw(10)], [place(1)])).admitted
        server.freeze()
        with pytest.raises(StoreGone):
            await counters.take([draw()], [])
        counters.put_back([(draw(), 3)], [])
        counters.put_back([(draw(), 4)], [])
        counters.put_back([], [place(1)])
        server.thaw()
        await until(lambda: said[-1] == "there")
        await settled(counters, capacity=10, expected=7)
        assert (await counters.take([], [place(1)])).admitted


async def test_a_redis_that_has_forgotten_the_scripts_is_told_them_again(server: RedisServer) -> None:
    async with redis_counters(server.url) as counters:
        server.cli("SCRIPT", "FLUSH")
        assert (await counters.take([draw(10)], [])).admitted
        server.cli("SCRIPT", "FLUSH")
        counters.put_back([(draw(), 2)], [])
        await settled(counters, capacity=10, expected=2)


async def test_more_for_a_running_stream_is_what_is_there(server: RedisServer) -> None:
    async with redis_counters(server.url) as counters:
        got: list[int] = []
        for _ in range(3):
            counters.more(draw(6, needs=1, partial=True), got.append)
        await until(lambda: len(got) == 3)
        assert got == [6, 4, 0]


async def test_full_buckets_and_free_places_leave_nothing_behind(server: RedisServer) -> None:
    async with redis_counters(server.url) as counters:
        await counters.take([draw(10)], [place(3)])
        assert server.cli("DBSIZE") == "2"
        counters.put_back([(draw(), 10)], [])
        counters.put_back([], [place(3)])
        async with asyncio.timeout(5):
            while server.cli("DBSIZE") != "0":
                await asyncio.sleep(0.01)


async def test_what_was_put_back_at_the_very_end_arrives(server: RedisServer) -> None:
    async with redis_counters(server.url) as counters:
        assert (await counters.take([draw(10)], [place(1)])).admitted
        counters.put_back([(draw(), 6)], [place(1)])
        await counters.finish(5.0)
    async with redis_counters(server.url) as another:
        assert await level(another) == 6
        assert (await another.take([], [place(1)])).admitted


async def test_a_password_is_needed_and_never_said(tmp_path: Path) -> None:
    with RedisServer(tmp_path, password="canary-7391") as server:
        said: list[str] = []
        counters = RedisCounters(server.url, lambda what, why: said.append(f"{what} {why}"))
        keeper = asyncio.create_task(counters.keep())
        await until(lambda: bool(said))
        keeper.cancel()
        assert said[0].startswith("gone NOAUTH")
        assert not any("canary" in each for each in said)
        with pytest.raises(StoreGone):
            await counters.take([draw()], [])


async def test_the_script_counts_as_policies_bucket_does(server: RedisServer) -> None:
    """2,000 takes from buckets that were written at some time: what is taken and what is left is the same number."""
    loop, chance = asyncio.get_running_loop(), random.Random(11)
    _, redis = await loop.create_connection(
        lambda: RespConnection(lambda: None, lambda _: None), server.url.host, server.url.port
    )
    for number in range(2_000):
        fill = chance.randint(1, 40)
        of = rate(fill + chance.randint(0, 40), fill=fill, interval_us=chance.randint(1, 5_000_000))
        at, amount, needs = chance.randint(-60, of.capacity), chance.randint(0, 50), chance.randint(1, 50)
        partial = chance.random() < 0.5
        since_us = int(time.time() * 1_000_000) - chance.randint(-1_000_000, 30_000_000)
        await redis.call("SET", f"k{number}", f"{at} {since_us}")
        reply = await redis.call(
            *("EVAL", TAKE, 1, f"k{number}", 1, 0, "me", 1000),
            *(of.capacity, of.fill, of.interval_us, amount, needs, int(partial)),
        )
        assert isinstance(reply, list)
        admitted, now_us, taken, level, since = (each for each in reply if isinstance(each, int))
        expected, expected_since = filled(of, at, since_us, now_us)
        wanted = takes(expected, amount, needs, partial=partial)
        assert (admitted, taken) == ((0, 0) if wanted < 0 else (1, wanted))
        assert (level, since) == (expected - taken, expected_since)
        kept = await redis.call("GET", f"k{number}")
        if admitted:
            assert kept == (None if level == of.capacity else f"{level} {since}".encode())
    redis.close()
