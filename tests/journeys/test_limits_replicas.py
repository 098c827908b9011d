"""Two gateways and one Redis, at the real command: what they admit together, and what becomes of it without the Redis.

Delays are those of a client that asks alone: the best of a few rounds, since other work on the machine delays one.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import pytest

from tests.journeys.fake_process import FakeProcess
from tests.journeys.tills import body, gateway, pay, usage
from tests.support.command import Sluice
from tests.support.http_answer import Answer
from tests.support.raw_client import RawClient, request
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MANY = 400
BOUND = 30
CAPACITY = 3000
WITHIN_S = 40.0
MOST_DELAY_S = 0.05
ROUNDS = 4
GONE = "the shared store is gone: its limits fail as their policies say"
THERE = "the shared store is there"
REFUSAL = b"rate limits cannot be checked"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@asynccontextmanager
async def replicas(folder: Path, redis: RedisServer, limits: str) -> AsyncIterator[tuple[Sluice, Sluice]]:
    policies, store = f"{{rateLimit: {{global: {limits}}}}}", f"redis://127.0.0.1:{redis.port}/0"
    async with FakeProcess() as fake:
        one, two = (gateway(folder, fake.port, policies=policies, SLUICE_STORE=store) for _ in range(2))
        async with one, two:
            yield one, two


async def wave(number: int, *gateways: Sluice) -> list[Answer]:
    """So many at once, whose answers are of any length, shared out among the gateways. On a machine that is busy with
    other things Redis may take too long for one: that is refused, and what it took is put back, if a little later."""
    chance = random.Random(number)
    ports = [gateways[at % len(gateways)].port for at in range(number)]
    answers = await asyncio.gather(*(pay(port, "", body(chance.randint(1, BOUND), bound=BOUND)) for port in ports))
    assert all(answer.status in (200, 429) or REFUSAL in answer.body for answer in answers)
    return answers


async def until_spent(capacity: int, spent: Callable[[Answer], int], *gateways: Sluice) -> list[Answer]:
    """Waves, and after each one request alone, until that one is refused and is told that all is spent but what
    remains: a refusal before may have met what another took and has not put back yet."""
    answers: list[Answer] = []
    async with asyncio.timeout(WITHIN_S):
        while True:
            answers += await wave(MANY, *gateways)
            answers += await wave(1, *gateways)
            if answers[-1].status == 429 and left(answers[-1]) == capacity - sum(map(spent, answers)):
                return answers


def left(answer: Answer) -> int:
    return int(answer.header("x-ratelimit-remaining"))


async def test_two_gateways_admit_as_many_requests_as_one_limit_has(tmp_path: Path, redis: RedisServer) -> None:
    async with replicas(tmp_path, redis, "{limits: [{requests: 150, unit: Hours}]}") as gateways:
        answers = await until_spent(150, lambda answer: answer.status == 200, *gateways)
        assert sum(answer.status == 200 for answer in answers) == 150
        for each in reversed(gateways):
            assert not any(answer.status == 200 for answer in await wave(10, each))


async def test_two_gateways_use_a_limit_of_tokens_to_within_one_reservation(tmp_path: Path, redis: RedisServer) -> None:
    def used(answer: Answer) -> int:
        return sum(usage(answer)) if answer.status == 200 else 0

    async with replicas(tmp_path, redis, f"{{limits: [{{tokens: {CAPACITY}, unit: Hours}}]}}") as gateways:
        (first,) = await wave(1, *gateways)
        reserved = CAPACITY - left(first)
        # to the token, whoever used them
        answers = await until_spent(CAPACITY - used(first), used, *gateways)
        assert 0 <= left(answers[-1]) < reserved


# -- without the Redis ------------------------------------------------------------------------------------------------


class Asker:
    """A client that asks one gateway again and again."""

    def __init__(self, sluice: Sluice, client: RawClient) -> None:
        self.sluice, self._client = sluice, client

    async def delays(self, status: int, number: int = 40) -> list[float]:
        """How long so many answers took, each of which has this status."""
        found = []
        for _ in range(number):
            began = time.monotonic()
            answer = await self._client.ask(request(body(1, bound=1), path="/v1/chat/completions"))
            found.append(time.monotonic() - began)
            assert answer.status == status, answer.body
            assert status == 200 or REFUSAL in answer.body
        return found

    async def recovered(self, times: int) -> None:
        """Wait until the gateway has found its Redis again for the so manieth time."""
        await until(lambda: self.sluice.messages().count(THERE) > times)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("mode", "status"), [("FailClosed", 500), ("FailOpen", 200)])
async def test_without_its_redis_a_limit_fails_as_it_says_nobody_waits_and_it_is_found_again(
    tmp_path: Path, redis: RedisServer, mode: str, status: int
) -> None:
    limits = f"{{failureMode: {mode}, limits: [{{requests: 1000000, unit: Hours}}]}}"
    async with replicas(tmp_path, redis, limits) as (sluice, _), await sluice.client() as client:
        asker = Asker(sluice, client)
        usual = median(await asker.delays(200))
        for breaks, mends in ((redis.stop, redis.start), (redis.freeze, redis.thaw)):
            longest = []
            for _ in range(ROUNDS):
                times = sluice.messages().count(THERE)
                breaks()
                longest.append(max(await asker.delays(status)) - usual)
                mends()
                await asker.recovered(times)
                await asker.delays(200, 5)
            assert min(longest) < MOST_DELAY_S, longest
        lost = sluice.messages().count(GONE)
        assert lost == 2 * ROUNDS  # a word for each time, however many asked
        open_still = await sluice.metric("rate_limits_failed_open_total")
        assert (open_still > 0) == (mode == "FailOpen")
