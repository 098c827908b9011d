"""Several gateway processes and one Redis: exact to the token while they live, to their reservations when killed."""

import asyncio
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from sluice.chat.request import ChatRequest
from sluice.config.store_url import RedisUrl
from sluice.errors import RateLimited
from sluice.gateway.limits import Limiter
from sluice.gateway.limits_hold import Hold
from sluice.gateway.limits_ports import HEARTBEAT_S
from sluice.policies.limiting import Bounds, LimitSet
from sluice.policies.scene import Scene
from sluice.stores.limits_memory import MemoryCounters
from sluice.stores.limits_redis import RedisCounters
from tests.gateway.limiting import Services, World, at_once, ended, limiting, rate, shown
from tests.support.redis_server import RedisServer

spawn = multiprocessing.get_context("spawn")
"""Not fork: libraries of other tests may have threads in this process."""
PROMPT, BOUND = 10, 90
CAPACITY, MOST = 60_000, 30
TOKENS = (rate(CAPACITY, "tokens"),)
LIMITS = limiting(LimitSet(everywhere=Bounds(rates=TOKENS, at_once=(at_once(MOST),))))
BUCKET = limiting(LimitSet(everywhere=Bounds(rates=TOKENS)))
PATIENCE_S = 30.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


class Process:
    """The limiter of one gateway. Waits longer for Redis than one in service: this machine has two cores."""

    def __init__(self, url: RedisUrl) -> None:
        self.counters = RedisCounters(url, lambda *_: None, deadline_s=PATIENCE_S)
        self.limiter = Limiter(
            here=MemoryCounters(), shared=self.counters, services=Services(), clock=time.monotonic, watch=World()
        )

    async def begin(self) -> "asyncio.Task[None]":
        keeper = asyncio.create_task(self.counters.keep())
        assert await self.counters.ready(PATIENCE_S)
        return keeper

    async def reserve(self) -> Hold:
        return await self.limiter.reserve(LIMITS, Scene(), ChatRequest(max_tokens=BOUND), lambda: PROMPT)

    async def left(self) -> int:
        """What the bucket holds."""
        hold = await self.limiter.reserve(BUCKET, Scene(), ChatRequest(max_tokens=0), lambda: 0)
        hold.settle(ended("internal", asked=False))
        return int(shown(hold)["x-ratelimit-remaining"])


async def spend(url: RedisUrl, seed: int) -> tuple[int, int]:
    """Have exchanges, many at once; return what they used, and how many were refused."""
    process, chance = Process(url), random.Random(seed)
    keeper = await process.begin()
    spent = refused = 0

    async def exchange() -> None:
        nonlocal spent, refused
        try:
            hold = await process.reserve()
        except RateLimited:
            refused += 1
            return
        await asyncio.sleep(chance.random() * 0.003)
        used = chance.randint(1, PROMPT + BOUND)
        hold.settle(ended(usage=used))
        spent += used

    for _ in range(20):
        await asyncio.gather(*(exchange() for _ in range(40)))
    await process.counters.finish(PATIENCE_S)
    keeper.cancel()
    return spent, refused


async def sit(url: RedisUrl, ready: Connection) -> None:
    """Take every place, and never give one back."""
    process = Process(url)
    _ = await process.begin()
    holds = await asyncio.gather(*(process.reserve() for _ in range(MOST)))
    ready.send(len(holds))
    await asyncio.Event().wait()


def hold_all(url: RedisUrl, ready: Connection) -> None:
    asyncio.run(sit(url, ready))


def run(url: RedisUrl, seed: int) -> tuple[int, int]:
    return asyncio.run(spend(url, seed))


def test_what_three_processes_have_spent_is_gone_to_the_token(server: RedisServer) -> None:
    with ProcessPoolExecutor(3, spawn) as processes:
        asked = [processes.submit(run, server.url, seed) for seed in range(3)]
        found = [each.result(PATIENCE_S) for each in asked]

    async def left() -> int:
        process = Process(server.url)
        keeper = await process.begin()
        try:
            return await process.left()
        finally:
            keeper.cancel()

    spent = sum(used for used, _ in found)
    assert sum(refused for _, refused in found) > 0
    assert asyncio.run(left()) == CAPACITY - spent


def test_a_process_that_is_killed_gives_its_places_back_and_is_charged_its_reservations(server: RedisServer) -> None:
    ready, theirs = spawn.Pipe(duplex=False)
    killed = spawn.Process(target=hold_all, args=(server.url, theirs))
    killed.start()
    assert ready.poll(PATIENCE_S)
    assert ready.recv() == MOST
    assert killed.pid is not None

    async def after() -> tuple[float, int]:
        process = Process(server.url)
        keeper = await process.begin()
        with pytest.raises(RateLimited):
            await process.reserve()
        os.kill(killed.pid or 0, signal.SIGKILL)
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    hold = await process.reserve()
                    break
                except RateLimited:
                    await asyncio.sleep(0.05)
        took_s = time.monotonic() - began
        hold.settle(ended("internal", asked=False))
        left = await process.left()
        keeper.cancel()
        return took_s, left

    took_s, left = asyncio.run(after())
    killed.join(PATIENCE_S)
    assert took_s <= 2 * HEARTBEAT_S + 0.5
    assert left == CAPACITY - MOST * (PROMPT + BOUND)
