"""A process is told to end in the midst of a burst: whoever got a connection has a whole answer on it, and whoever
keeps one hears `connection: close` before it ends. Several workers, too.

Closing the listening sockets at once loses up to a quarter of those who got in, by how many are queued; closing
connections at rest at once, a sixth of the clients that ask again as soon as they have their answer.
"""

import asyncio
import signal
from collections import Counter

import pytest

from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.command import Sluice
from tests.support.events import DONE
from tests.support.http_answer import Answer, Broken
from tests.support.raw_client import STREAM, RawClient, request
from tests.support.waiting import until
from tests.support.world import World

ARRIVALS = 200
GAP_S = 0.0002
"""Between two arrivals: faster than they are served, so that some are queued."""
SAYS = (60, 100)
"""When so many are in, the signal comes."""
KEEPERS = 40
LOST = (ConnectionError, Broken, asyncio.IncompleteReadError)


@pytest.fixture
async def fake(world: World) -> FakeProvider:
    return await world.fake(Options(first_token_s=0.02, gap_s=0.002))


def command(fake: FakeProvider, workers: int) -> Sluice:
    env = {"OPENAI_API_KEY": "sk-burst", "OPENAI_BASE_URL": fake.url}
    return Sluice("--workers", str(workers), "--drain-timeout", "20s", env=env)


def whole(answer: Answer) -> bool:
    return answer.status == 200 and answer.body.endswith(DONE)


async def arrive(port: int, seen: Counter[str]) -> None:
    """Connect and ask for one stream."""
    try:
        client = await RawClient.connect(port)
    except ConnectionRefusedError:
        seen["refused"] += 1
        return
    except ConnectionError:
        seen["lost"] += 1
        return
    seen["in"] += 1
    async with client:
        try:
            seen["served" if whole(await client.ask(request(STREAM))) else "wrong"] += 1
        except LOST:
            seen["lost"] += 1


async def burst(fake: FakeProvider, workers: int, says: int) -> Counter[str]:
    """One process, one burst of arrivals, one signal in its midst. What became of the arrivals."""
    seen: Counter[str] = Counter()

    async def keep_arriving(port: int) -> None:
        for _ in range(ARRIVALS):
            clients.create_task(arrive(port, seen))
            await asyncio.sleep(GAP_S)

    async with command(fake, workers) as sluice:
        async with asyncio.TaskGroup() as clients:
            clients.create_task(keep_arriving(sluice.port))
            await until(lambda: seen["in"] >= says)
            sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        outcomes = Counter(line["stream.outcome"] for line in sluice.requests())
        assert outcomes == Counter({"completed": seen["served"]})
    return seen


@pytest.mark.parametrize("workers", [1, 2])
async def test_whoever_gets_in_is_served(fake: FakeProvider, workers: int) -> None:
    for says in SAYS:
        seen = await burst(fake, workers, says)
        assert (seen["lost"], seen["wrong"]) == (0, 0), seen
        assert seen["served"] == seen["in"] >= says
        assert seen["served"] + seen["refused"] == ARRIVALS


async def keep_asking(port: int, seen: Counter[str]) -> None:
    """Ask on one connection, as soon as the last answer is here, until told that it was the last."""
    async with await RawClient.connect(port) as client:
        while True:
            try:
                answer = await client.ask(request(STREAM))
            except LOST:
                seen["lost"] += 1
                return
            seen["served" if whole(answer) else "wrong"] += 1
            if answer.header("connection") == "close":
                seen["told"] += 1
                return


@pytest.mark.timed  # who needs longer than the grace to ask again is not waited for
@pytest.mark.parametrize("workers", [1, 2])
async def test_whoever_keeps_a_connection_is_told_before_it_ends(fake: FakeProvider, workers: int) -> None:
    seen: Counter[str] = Counter()
    async with command(fake, workers) as sluice:
        async with asyncio.TaskGroup() as clients:
            for _ in range(KEEPERS):
                clients.create_task(keep_asking(sluice.port, seen))
            await until(lambda: seen["served"] > KEEPERS)
            sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        assert (seen["told"], seen["lost"], seen["wrong"]) == (KEEPERS, 0, 0)
        assert len(sluice.requests()) == seen["served"]
