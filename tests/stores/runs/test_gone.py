"""A server that goes away and comes back: who asks waits a little, and nothing that was taken is lost or missed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sluice.agents.ports import Store
from sluice.errors import ConfigError, StoreFailed
from sluice.stores import runs_postgres, runs_redis_desk
from sluice.stores.runs import runs_of
from tests.stores.runs.filing import Wall, event, item, opened, run, write
from tests.support.halting_proxy import HaltingProxy
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

PASSWORD = "s3cret-word"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path, password=PASSWORD) as server:
        yield server


@pytest.fixture
async def in_redis(redis: RedisServer, wall: Wall) -> AsyncIterator[Store]:
    async with opened(runs_of(f"redis://:{PASSWORD}@127.0.0.1:{redis.port}", wall)) as store:
        yield store


async def test_connections_that_redis_cuts_are_made_again_and_nothing_is_missed(
    redis: RedisServer, in_redis: Store, wall: Wall
) -> None:
    heard: list[bytes] = []
    in_redis.hear(lambda _, message: heard.append(message))
    async with opened(runs_of(f"redis://:{PASSWORD}@127.0.0.1:{redis.port}", wall)) as other:
        await write(in_redis, "r", 1, 5)
        growth = asyncio.create_task(in_redis.grown("q", 0, 5))
        await asyncio.sleep(0)
        redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
        redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        in_redis.append("r", 6, event(6))
        await other.tell("t", b"while it was away")
        await write(other, "q", 1, 1)
        await in_redis.flush()
        assert await in_redis.read("r", 0, 10) == [event(seq) for seq in range(1, 7)]
        assert await growth
        await until(lambda: heard == [b"while it was away"])


async def test_a_redis_that_is_started_again_is_used_again(redis: RedisServer, in_redis: Store) -> None:
    redis.stop()
    in_redis.append("r", 1, event(1))
    asking = asyncio.create_task(in_redis.create_run(run(id="r")))
    await asyncio.sleep(0.1)
    redis.start()
    await in_redis.flush()
    assert (await asking).id == "r"
    assert await in_redis.read("r", 0, 10) == [event(1)]


async def test_a_redis_that_stays_away_is_an_error_without_the_password(
    redis: RedisServer, in_redis: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_redis_desk, "BACK_S", 0.1)
    redis.stop()
    with pytest.raises(StoreFailed) as found:
        await in_redis.get_run("r")
    assert PASSWORD not in str(found.value) + found.value.detail


async def test_a_redis_that_says_nothing_is_given_up(
    redis: RedisServer, in_redis: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_redis_desk, "DO_S", 0.1)
    redis.freeze()
    with pytest.raises(StoreFailed):
        await in_redis.swap_item(item("a"), None)
    redis.thaw()
    assert await in_redis.get_run("r") is None


async def test_a_store_that_is_not_there_is_refused_at_the_start(
    redis: RedisServer, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_redis_desk, "OPEN_S", 0.2)
    for url in (
        f"redis://:wrong-{PASSWORD}@127.0.0.1:{redis.port}",
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/runs",
    ):
        with pytest.raises(ConfigError) as found:
            await runs_of(url, wall).open()
        assert "127.0.0.1" in str(found.value)
        assert PASSWORD not in str(found.value)


@pytest.fixture
async def in_postgres(postgres_url: str, wall: Wall) -> AsyncIterator[Store]:
    async with opened(runs_of(postgres_url, wall)) as store:
        yield store


async def test_connections_that_postgres_cuts_are_made_again_and_nothing_is_missed(
    postgres_server: PostgresServer, in_postgres: Store, postgres_url: str, wall: Wall
) -> None:
    heard: list[bytes] = []
    in_postgres.hear(lambda _, message: heard.append(message))
    async with opened(runs_of(postgres_url, wall)) as other:
        await write(in_postgres, "r", 1, 5)
        growth = asyncio.create_task(in_postgres.grown("q", 0, 5))
        await asyncio.sleep(0)
        postgres_server.cut()
        in_postgres.append("r", 6, event(6))
        await other.tell("t", b"while it was away")
        await write(other, "q", 1, 1)
        await in_postgres.flush()
        assert await in_postgres.read("r", 0, 10) == [event(seq) for seq in range(1, 7)]
        assert await growth
        await until(lambda: heard == [b"while it was away"])


async def test_what_postgres_refuses_is_an_error_without_the_values(in_postgres: Store) -> None:
    with pytest.raises(StoreFailed) as found:
        await in_postgres.put_run(run(finished=1 << 70, request_id=PASSWORD))
    assert PASSWORD not in str(found.value) + found.value.detail


async def test_a_postgres_that_stays_away_is_an_error_that_says_where(
    in_postgres: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_postgres, "BACK_S", 0.1)
    await in_postgres.close()
    with pytest.raises(StoreFailed, match="closed"):
        await in_postgres.get_run("r")


async def test_a_worker_that_stands_still_in_a_transaction_keeps_no_other_from_its_runs(
    postgres_server: PostgresServer, postgres_url: str, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was stopped, or its cable pulled, while it had events of the run locked."""
    monkeypatch.setattr(runs_postgres, "_STILL", "SET idle_in_transaction_session_timeout = 300")
    async with HaltingProxy(postgres_server.port) as proxy:
        through = postgres_url.replace(f":{postgres_server.port}/", f":{proxy.port}/")
        async with opened(runs_of(through, wall)) as still, opened(runs_of(postgres_url, wall)) as other:
            await write(still, "r", 1, 3)
            proxy.halt_at(b"COMMIT")
            still.append("r", 4, event(4, "late"))
            late = asyncio.create_task(still.flush())
            await proxy.halted.wait()
            async with asyncio.timeout(3):
                other.append("r", 4, event(4, "its end"))
                await other.flush()
            await late
            assert (await still.read("r", 0, 10))[3:] == [event(4, "its end")]
