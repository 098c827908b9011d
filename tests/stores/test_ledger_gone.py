"""A ledger on another machine that goes away: who asks hears so soon, and what was owed is made good later."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sluice.config.ledger_url import PostgresUrl, ledger_url
from sluice.gateway.money_ports import Books, LedgerGone
from sluice.stores.ledger import books as books_at
from sluice.stores.ledger_postgres import PostgresLedger
from sluice.stores.ledger_redis import RedisLedger
from sluice.stores.ledger_sqlite import SqliteLedger
from tests.stores.booking import at_work, claim, opened, settled, used
from tests.support.halting_proxy import HaltingProxy
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
async def in_redis(redis: RedisServer) -> AsyncIterator[Books]:
    async with at_work(lambda: RedisLedger(redis.url)) as books:
        yield books


async def admitted(books: Books) -> int:
    """Admit one as soon as that can be done, and return what the budget had used."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return (await books.admit(opened(), [claim(1, amount=1000)])).used[0]
            except LedgerGone:
                await asyncio.sleep(0.02)


async def test_a_redis_that_says_nothing_refuses_within_its_deadline(redis: RedisServer, in_redis: Books) -> None:
    row = opened()
    await in_redis.admit(row, [claim(10)])
    redis.freeze()
    began = time.monotonic()
    with pytest.raises(LedgerGone):
        await in_redis.admit(opened(), [claim(10)])
    assert time.monotonic() - began < 2
    in_redis.settle(settled(row, -4))
    redis.thaw()
    # What was given up is given back, and what was settled meanwhile counts, whatever of it Redis had heard already.
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if await used(in_redis) == 6:
                    break
            except LedgerGone:
                pass
            await asyncio.sleep(0.02)


async def test_only_the_first_waits_for_a_redis_that_says_nothing(redis: RedisServer, in_redis: Books) -> None:
    redis.freeze()
    with pytest.raises(LedgerGone):
        await in_redis.admit(opened(), [claim(10)])
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(LedgerGone):
            await in_redis.admit(opened(), [claim(10)])
        assert time.monotonic() - began < 0.05
    redis.thaw()
    assert await admitted(in_redis) == 0


async def test_a_redis_that_is_not_there_refuses_at_once(redis: RedisServer, in_redis: Books) -> None:
    redis.stop()
    with pytest.raises(LedgerGone):
        await in_redis.admit(opened(), [])
    began = time.monotonic()
    with pytest.raises(LedgerGone):
        await in_redis.admit(opened(), [])
    assert time.monotonic() - began < 0.05
    redis.start()
    assert await admitted(in_redis) == 0  # it kept nothing, as it was told to


async def test_a_postgres_whose_connection_ends_is_asked_again_and_nothing_is_lost() -> None:
    with PostgresServer() as server:
        url = server.database()
        async with at_work(lambda: PostgresLedger(url)) as books:
            row = opened(model="m", cost=9)
            await books.admit(row, [claim(10, amount=1000)])
            server.cut()
            books.settle(settled(row, -4, model="m", cost=2))
            assert await admitted(books) in (6, 10)
            async with asyncio.timeout(PATIENCE_S):
                while await used(books) != 7:  # 6, and the 1 that was just admitted
                    await asyncio.sleep(0.02)
            assert ("m", 1, 0, 2) in [(s.group, s.requests, s.open, s.cost) for s in await books.spend("model", 0, 4e9)]


async def test_a_gateway_that_stands_still_in_a_transaction_keeps_no_other_from_the_budget() -> None:
    """Its process was stopped, or its cable pulled, while it had the counter locked."""
    with PostgresServer() as server:
        url = server.database()
        async with HaltingProxy(server.port) as proxy:
            through = ledger_url(url.dsn.reveal().replace(f":{server.port}/", f":{proxy.port}/"))
            assert isinstance(through, PostgresUrl)
            async with at_work(lambda: PostgresLedger(through)) as still, at_work(lambda: PostgresLedger(url)) as other:
                await still.admit(opened(), [claim(10, amount=1000)])
                proxy.halt_at(b"COMMIT")
                lost = asyncio.create_task(still.admit(opened(), [claim(100, amount=1000)]))
                await proxy.halted.wait()
                assert (await other.admit(opened(), [claim(1, amount=1000)])).used == (10,)
                with pytest.raises(LedgerGone):
                    await lost
                assert await admitted(still) == 11, "what it had begun is not undone, or it cannot go on"


async def test_a_store_that_cannot_be_reached_is_said_so_without_its_password() -> None:
    for address in ("postgresql://u:hunter2@127.0.0.1:1/d", "redis://u:hunter2@127.0.0.1:1/0"):
        with pytest.raises(LedgerGone) as caught:
            await books_at(ledger_url(address)).open()
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "kind"),
    [("sqlite:l.db", SqliteLedger), ("redis://h", RedisLedger), ("postgres://h/d", PostgresLedger)],
)
async def test_the_address_says_which_store_it_is(address: str, kind: type[object]) -> None:
    assert type(books_at(ledger_url(address))) is kind
