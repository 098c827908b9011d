"""Every store of runs, with its real server. One server for all tests; each test finds it empty."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sluice.agents.ports import Store
from sluice.config.ledger_url import PostgresUrl
from sluice.stores.runs import runs_of
from sluice.stores.runs_memory import MemoryRuns
from tests.stores.runs.filing import Make, Wall, opened
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer

TABLES = ("threads", "runs", "events", "messages", "checkpoints", "items", "leases", "told")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_database(postgres_server: PostgresServer) -> PostgresUrl:
    return postgres_server.database()


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    redis_server.cli("FLUSHALL")
    return f"redis://127.0.0.1:{redis_server.port}/0"


@pytest.fixture
def postgres_url(postgres_database: PostgresUrl) -> str:
    async def empty() -> None:
        import asyncpg  # type: ignore[import-untyped]  # ships no types

        db = await asyncpg.connect(postgres_database.dsn.reveal())
        if await db.fetchval("SELECT to_regclass('runs_version') IS NOT NULL"):
            await db.execute("; ".join(f"DELETE FROM {table}" for table in TABLES))
        await db.close()

    with ThreadPoolExecutor(1) as beside:  # a loop may be running here
        beside.submit(asyncio.run, empty()).result()
    return postgres_database.dsn.reveal()


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def make_shared(request: pytest.FixtureRequest, tmp_path: Path, wall: Callable[[], int]) -> Make:
    """Makes stores that share what they keep, each as a process of its own."""
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path}/runs.db"
    else:
        url = request.getfixturevalue(f"{request.param}_url")
    return lambda: runs_of(url, wall)


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, wall: Callable[[], int]) -> AsyncIterator[Store]:
    if request.param == "memory":
        made: Store = MemoryRuns(wall)
    elif request.param == "sqlite":
        made = runs_of(f"sqlite://{tmp_path}/runs.db", wall)
    else:
        made = runs_of(request.getfixturevalue(f"{request.param}_url"), wall)
    async with opened(made):
        yield made


@pytest.fixture
async def two(make_shared: Make) -> AsyncIterator[tuple[Store, Store]]:
    """Two workers."""
    async with opened(make_shared()) as one, opened(make_shared()) as other:
        yield one, other
