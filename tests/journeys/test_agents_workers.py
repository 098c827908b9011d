"""Two processes on one Redis, and on one PostgreSQL: to a client they are one server, and the death of either, or of
what they share, ends nothing in silence."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import httpx
import msgspec
import pytest

from tests.support.agent_process import AgentProcess, begin, body, gapless, read_on, read_through, text_of
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.sse import Frame
from tests.support.waiting import until

pytestmark = pytest.mark.timed

RUNS = 40
CANCEL_P99_S = 0.25
LEASE_S = 15.0
KEEP_S = 5.0
"""A worker is dead when its lease has run out, and that is looked for so often."""
STORES = ["redis", "postgres"]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def urls(redis_server: RedisServer, postgres_server: PostgresServer) -> dict[str, str]:
    redis_server.cli("FLUSHALL")
    return {
        "redis": f"redis://127.0.0.1:{redis_server.port}/0",
        "postgres": postgres_server.database().dsn.reveal(),
    }


@asynccontextmanager
async def workers(folder: Path, *urls: str) -> AsyncIterator[list[AgentProcess]]:
    """Start one process for each address, all at once."""
    made = [AgentProcess(folder, url) for url in urls]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(one) for one in made))
        yield made


@pytest.mark.parametrize("kind", STORES)
async def test_two_workers_are_one_server(kind: str, urls: dict[str, str], tmp_path: Path) -> None:
    async with workers(tmp_path, urls[kind], urls[kind]) as (a, b), a.client() as at_a, b.client() as at_b:
        await _watched_live_at_the_other(at_a, at_b)
        await _a_conversation_of_both(at_a, at_b)
        await _one_request_at_both(at_a, at_b)
        await _answered_at_the_other(at_a, at_b)
        took = await _cancelled_at_the_other(at_a, at_b)
        assert sorted(took)[int(RUNS * 0.99)] <= CANCEL_P99_S, f"p99 {sorted(took)[int(RUNS * 0.99)] * 1000:.0f} ms"


async def _watched_live_at_the_other(at_a: httpx.AsyncClient, at_b: httpx.AsyncClient) -> None:
    run = await begin(at_a, "says", "20 0.02")
    began = time.monotonic()
    first = (await read_on(at_b, run, upto=8))[-1]
    assert time.monotonic() - began < 0.3, "it came when all was over"
    rest = await read_on(at_b, run, int(first.id))
    whole = await read_on(at_a, run)
    assert [frame.id for frame in whole[8:]] == [frame.id for frame in rest]
    gapless(whole)


async def _a_conversation_of_both(at_a: httpx.AsyncClient, at_b: httpx.AsyncClient) -> None:
    said = []
    for turn, client in enumerate((at_a, at_b, at_a, at_b)):
        run = await begin(client, "remembers", f"turn {turn}", thread="both")
        said.append(text_of(await read_on(client, run)))
    assert said == [f"{2 * turn + 1} messages, the last turn {turn}" for turn in range(4)]
    slow = await begin(at_a, "says", "10 0.02", thread="queue")
    quick = await begin(at_b, "remembers", "after", thread="queue")
    assert text_of(await read_on(at_a, quick)) == "3 messages, the last after", "it did not wait for its turn"
    assert (await at_b.get(f"/runs/{slow}")).json()["status"] == "success"


async def _one_request_at_both(at_a: httpx.AsyncClient, at_b: httpx.AsyncClient) -> None:
    racing = [begin(client, "says", "10 0.02", key="same") for client in (at_a, at_b) * 5]
    assert len(set(await asyncio.gather(*racing))) == 1
    other = await at_b.post("/runs", json=body("says", "another"), headers={"idempotency-key": "same"})
    assert other.status_code == 409


async def _answered_at_the_other(at_a: httpx.AsyncClient, at_b: httpx.AsyncClient) -> None:
    run = await begin(at_a, "asks", "hello", thread="asked")
    await read_on(at_a, run)
    racing = [client.post(f"/runs/{run}/resume", json={"value": "yes"}) for client in (at_a, at_b) * 5]
    answers = await asyncio.gather(*racing)
    taken = [answer for answer in answers if answer.status_code == 201]
    assert [answer.status_code for answer in answers if answer.status_code != 201] == [409] * 9
    assert text_of(await read_on(at_b, taken[0].json()["run_id"])) == "you said yes"


async def _cancelled_at_the_other(at_a: httpx.AsyncClient, at_b: httpx.AsyncClient) -> list[float]:
    """Return how long each took, from the order at one to the end as the other's viewer sees it."""

    async def one(number: int) -> float:
        here, there = (at_a, at_b) if number % 2 else (at_b, at_a)
        run = await begin(here, "says", "on")
        seen = asyncio.create_task(read_on(here, run))
        await read_on(there, run, upto=3)
        began = time.monotonic()
        assert (await there.post(f"/runs/{run}/cancel")).status_code == 202
        frames = await seen
        took = time.monotonic() - began
        gapless(frames)
        assert msgspec.json.decode(frames[-1].data)["outcome"] == "cancelled"
        return took

    took: list[float] = []
    for start in range(0, RUNS, 4):
        took += await asyncio.gather(*(one(number) for number in range(start, start + 4)))
    return took


async def test_the_runs_of_a_dead_worker_are_ended_by_the_other(urls: dict[str, str], tmp_path: Path) -> None:
    """And those of one that only stood still, which says nothing else when it goes on."""
    made = workers(tmp_path, *(urls[kind] for kind in STORES for _ in range(2)))
    async with made as (dead, heir, still, other), AsyncExitStack() as stack:
        clients = {one: await stack.enter_async_context(one.client()) for one in (dead, heir, still, other)}
        lost = await begin(clients[dead], "says", "on", thread="lost")
        frozen = await begin(clients[still], "says", "on", thread="frozen")
        kept = await begin(clients[dead], "durable", "1000 0.05", thread="kept")
        told: dict[str, list[Frame]] = {lost: [], frozen: [], kept: []}
        async with asyncio.timeout(LEASE_S + KEEP_S + 10), asyncio.TaskGroup() as tasks:
            reading = [
                tasks.create_task(read_through(at.url, run, told[run])) for at, run in ((heir, lost), (other, frozen))
            ]
            resumed = tasks.create_task(read_through(heir.url, kept, told[kept]))
            await until(lambda: all(len(one) > 5 for one in told.values()))
            began = time.monotonic()
            still.signal(SIGSTOP)
            await dead.kill()
            before = len(told[kept])
            await asyncio.wait(reading)
            took = time.monotonic() - began
            await until(lambda: len(told[kept]) > before + 10)
            still.signal(SIGCONT)
            assert (await clients[heir].post(f"/runs/{kept}/cancel")).status_code == 202
            await resumed
        assert took < LEASE_S + KEEP_S + 1, f"{took:.1f} s"
        for run in (lost, frozen):
            gapless(told[run])
            assert msgspec.json.decode(told[run][-1].data)["code"] == "server_restart"
        gapless(told[kept])
        assert msgspec.json.decode(told[kept][-1].data)["outcome"] == "cancelled"
        async with asyncio.timeout(10):
            again = await read_on(clients[still], frozen)
        assert again[-len(told[frozen]) :] == told[frozen], "who stood still tells another story"
        for at in (still, other):
            record = (await clients[at].get(f"/runs/{frozen}")).json()
            assert (record["status"], record["error"]["code"]) == ("error", "server_restart")
