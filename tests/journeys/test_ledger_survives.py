"""`kill -9` in the middle of 1,000 streams: every one of them has its row in the ledger, and one settlement."""

import asyncio
import os
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from sluice.gateway.money_ports import DEAD_S, HEARTBEAT_S
from tests.journeys.fake_process import FakeProcess
from tests.journeys.tills import PICOS_PER_TOKEN, body, gateway
from tests.support.command import Sluice
from tests.support.raw_client import RawClient, request
from tests.support.waiting import PATIENCE_S, until

MANY = 1000
BOUND = 50
WORDS = 5
GAP_MS = 2500
"""Between two words: 1,000 streams that say this little leave the machine to others."""
POLICIES = "{budgets: [{name: house, amountUsd: 1000, period: Month, onExceeded: Audit}]}"
SWEPT_S = DEAD_S + 2 * HEARTBEAT_S
"""By then somebody has settled for a process that died."""
ROWS = """SELECT s.outcome, s.provenance, count(*), min(coalesce(s.cost, o.cost)), max(coalesce(s.cost, o.cost))
    FROM opened o LEFT JOIN settled s ON s.id = o.id GROUP BY 1, 2"""

Rows = dict[tuple[str | None, str | None], tuple[int, int, int]]


def rows(file: Path) -> Rows:
    """Outcome and provenance, None = not settled -> how many, and the smallest and greatest of their costs."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return {(row[0], row[1]): row[2:] for row in db.execute(ROWS)}


async def begin(stack: AsyncExitStack, sluice: Sluice, number: int) -> list[RawClient]:
    """So many streams, of each of which the first word is here."""
    asked = request(body(WORDS, bound=BOUND, stream=True), path="/v1/chat/completions", headers=["Connection: close"])

    async def one() -> RawClient:
        client = await stack.enter_async_context(await sluice.client())
        client.send(asked)
        async with asyncio.timeout(4 * PATIENCE_S):
            await client.reader.readuntil(b'"content":" word"')
        return client

    return list(await asyncio.gather(*(one() for _ in range(number))))


@pytest.mark.timeout(180)
async def test_a_killed_gateway_has_a_row_of_each_and_the_next_one_settles_them(tmp_path: Path) -> None:
    ledger = tmp_path / "sluice" / "ledger.db"  # where it is if nobody says: of the user's state
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeProcess("--itl-ms", str(GAP_MS)))
        first = gateway(tmp_path, fake.port, policies=POLICIES, XDG_STATE_HOME=str(tmp_path))
        await stack.enter_async_context(first)
        await begin(stack, first, MANY)
        first.signal(signal.SIGKILL)
        await until(lambda: not first.running)
        assert rows(ledger) == {(None, None): (MANY, BOUND * PICOS_PER_TOKEN, BOUND * PICOS_PER_TOKEN)}

        second = gateway(tmp_path, fake.port, policies=POLICIES, XDG_STATE_HOME=str(tmp_path))
        await stack.enter_async_context(second)
        lost = {("lost", "estimated"): (MANY, BOUND * PICOS_PER_TOKEN, BOUND * PICOS_PER_TOKEN)}
        await until(lambda: rows(ledger) == lost, within_s=SWEPT_S)


@pytest.mark.timeout(180)
async def test_a_killed_worker_takes_only_its_own_with_it_and_another_settles_for_it(tmp_path: Path) -> None:
    ledger = tmp_path / "sluice" / "ledger.db"
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeProcess("--itl-ms", str(GAP_MS)))
        sluice = gateway(tmp_path, fake.port, "--workers", "2", policies=POLICIES, XDG_STATE_HOME=str(tmp_path))
        await stack.enter_async_context(sluice)
        ready = [line for line in sluice.lines if line.get("message") == "a worker is ready"]
        clients = await begin(stack, sluice, MANY)
        assert sum(each[0] for each in rows(ledger).values()) == MANY
        os.kill(int(str(ready[0]["pid"])), signal.SIGKILL)

        async def whole(client: RawClient) -> bool:
            return b"data: [DONE]" in await client.rest(WORDS * GAP_MS / 1000 + 4 * PATIENCE_S)

        leaver, *others = clients
        leaver.reset()
        served = sum(await asyncio.gather(*map(whole, others)))
        assert 0 < served < MANY - 1
        await until(lambda: (None, None) not in rows(ledger), within_s=SWEPT_S)
        found = rows(ledger)
        cost = WORDS * PICOS_PER_TOKEN
        assert found["completed", "provider"] == (served, cost, cost)
        reserved = BOUND * PICOS_PER_TOKEN
        (gone, *theirs), (left, *_) = found["lost", "estimated"], found.get(("client_gone", "counted"), (0,))
        assert theirs == [reserved, reserved]
        assert (served + gone + left, len(found)) == (MANY, 2 + bool(left))
