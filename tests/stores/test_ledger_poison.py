"""What can never be written: whoever asks for it hears so, and nobody else does."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sluice.gateway.money_ports import Books, LedgerGone
from sluice.stores import ledger_desk, ledger_sqlite
from sluice.stores.ledger_postgres import PostgresLedger
from sluice.stores.ledger_sqlite import SqliteLedger
from tests.stores.booking import at_work, claim, opened, settled, used
from tests.support.postgres_server import PostgresServer

TOO_LARGE = 10**30


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Books]:
    if request.param == "sqlite":
        async with at_work(lambda: SqliteLedger(str(tmp_path / "ledger.db"))) as found:
            yield found
    else:
        url = request.getfixturevalue("postgres").database()
        async with at_work(lambda: PostgresLedger(url)) as found:
            yield found


async def test_a_row_that_cannot_be_written_refuses_its_own_request_alone(books: Books) -> None:
    good = opened()
    found = await asyncio.gather(
        books.admit(good, [claim(10, counter="alone")]),
        books.admit(opened(output_tokens=TOO_LARGE), [claim(10, counter="alone")]),
        books.admit(opened(), [claim(10, counter="alone")]),
        return_exceptions=True,
    )
    assert [isinstance(each, LedgerGone) for each in found] == [False, True, False]
    assert await used(books, "alone") == 20
    assert (await books.spend("day", 0, time.time() + 1))[0].requests == 2


async def test_a_settlement_that_cannot_be_written_stays_reserved_and_holds_up_no_other(books: Books) -> None:
    bad, good = opened(), opened()
    for row in (bad, good):
        await books.admit(row, [claim(10, counter="owed")])
    books.settle(settled(bad, -10, counter="owed", cache_read_tokens=TOO_LARGE))
    books.settle(settled(good, -4, counter="owed"))
    assert await used(books, "owed") == 16
    assert (await books.admit(opened(), [claim(1, counter="owed")])).admitted


async def test_whatever_a_job_raises_its_asker_hears_and_the_thread_goes_on(tmp_path: Path) -> None:
    def wrong(db: sqlite3.Connection) -> None:
        raise RuntimeError("this is nobody's fault but ours")

    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    await ledger.open()
    with pytest.raises(LedgerGone, match="nobody's fault"):
        await ledger._do(wrong)
    assert (await ledger.admit(opened(), [claim()])).admitted
    await ledger.close()


async def test_nobody_waits_for_ever_and_what_was_given_up_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_desk, "DO_S", 0.05)
    monkeypatch.setattr(ledger_sqlite, "DO_S", 0.05)
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    await ledger.open()
    went_on = asyncio.Event()
    loop = asyncio.get_running_loop()
    begun: list[str] = []

    def stuck(db: sqlite3.Connection) -> None:
        time.sleep(0.5)
        begun.append("stuck")
        loop.call_soon_threadsafe(went_on.set)

    waiting = asyncio.create_task(ledger._do(stuck, within_s=0.05))
    await asyncio.sleep(0)
    with pytest.raises(LedgerGone, match="in time"):
        await ledger._do(lambda db: begun.append("given up"), within_s=0.05)
    with pytest.raises(LedgerGone, match="in time"):
        await waiting
    async with asyncio.timeout(10):
        await went_on.wait()
    assert await ledger.keys_version() >= 0
    assert begun == ["stuck"]
    await ledger.close()


async def test_closing_does_not_wait_for_a_disk_that_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_sqlite, "CLOSE_S", 0.1)
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    await ledger.open()
    with pytest.raises(LedgerGone, match="in time"):
        await ledger._do(lambda db: time.sleep(2), within_s=0.05)
    began = time.monotonic()
    await ledger.close()
    assert time.monotonic() - began < 1.5
