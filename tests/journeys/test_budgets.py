"""A key with a dollar, and 500 who ask with it at once, at the real command: one process, workers, two machines."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sluice.policies.cost import USD
from tests.journeys.fake_process import FakeProcess
from tests.journeys.tills import PICOS_PER_TOKEN, Book, body, book, command, gateway, pay, usage
from tests.support.command import Sluice
from tests.support.http_answer import Answer
from tests.support.redis_server import RedisServer

MANY = 500
BOUND = 21
RESERVED = BOUND * PICOS_PER_TOKEN
FIT = -(-USD // RESERVED)
"""As many may be under way at once: the last begins while less than a dollar is reserved."""
POLICIES = "{apiKey: {mode: strict, keys: []}}"
HELD_MS = 6000
"""How long the provider keeps the first wave waiting: until everybody was let in or refused."""


class Tills:
    """Gateways that share a ledger, and a key."""

    def __init__(self, gateways: list[Sluice], key: str, ledger: Book, url: str) -> None:
        self.gateways, self.key, self.ledger, self.url = gateways, key, ledger, url
        self.tokens = 0
        """As the answers say."""

    async def wave(self, number: int, *, words: int = 0, delay_ms: int = 0) -> list[Answer]:
        """So many at once, shared out among the gateways; `words` 0 = each another number of them."""
        chance = random.Random(self.tokens)
        asks = [
            pay(
                self.gateways[at % len(self.gateways)].port,
                self.key,
                body(words or chance.randint(1, BOUND), bound=BOUND, delay_ms=delay_ms),
            )
            for at in range(number)
        ]
        answers = await asyncio.gather(*asks)
        assert {answer.status for answer in answers} <= {200, 429}
        self.tokens += sum(usage(answer)[1] for answer in answers if answer.status == 200)
        return answers

    async def spent(self) -> int:
        """Picodollars, once all is settled; the ledger says what the answers said."""
        row = await self.ledger.settled()
        assert row.cost == self.tokens * PICOS_PER_TOKEN
        return row.cost


@pytest.fixture(params=["one process", "two workers", "two gateways and a Redis"])
async def tills(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Tills]:
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeProcess())
        args = ("--workers", "2") if request.param == "two workers" else ()
        gateways, url = 1, f"sqlite://{tmp_path}/ledger.db"
        if request.param == "two gateways and a Redis":
            server = stack.enter_context(RedisServer(tmp_path))
            gateways, url = 2, f"redis://127.0.0.1:{server.port}/0"
        key = await command("keys", "-d", url, "create", "--name", "alice", "--budget-usd", "1")
        serving = [
            await stack.enter_async_context(gateway(tmp_path, fake.port, *args, policies=POLICIES, SLUICE_DATABASE=url))
            for _ in range(gateways)
        ]
        yield Tills(serving, key, await stack.enter_async_context(book(url)), url)
        workers = {line.get("worker") for each in serving for line in each.requests()}
        assert workers == ({1, 2} if args else {None})


@pytest.mark.timeout(120)
async def test_a_dollar_is_never_passed_by_more_than_one_reservation_and_nobody_is_refused_before_it_is_used_up(
    tills: Tills,
) -> None:
    # While nothing is settled it is exact: all that fit are in, and everybody else is refused.
    first = asyncio.create_task(tills.wave(MANY, words=4, delay_ms=HELD_MS))
    async with asyncio.timeout(HELD_MS / 1000):
        while (await tills.ledger.spent()).open < FIT:
            await asyncio.sleep(0.02)
    under_way = await tills.ledger.spent()
    assert (under_way.open, under_way.cost) == (FIT, FIT * RESERVED)
    answers = await first
    assert sum(answer.status == 200 for answer in answers) == FIT
    refused = next(answer for answer in answers if answer.status == 429)
    assert b'"code":"budget_exceeded"' in refused.body
    assert int(refused.header("retry-after")) > 0

    # While others settle: nobody is refused while anything is left, and it is not passed by more than one reservation.
    while (spent := await tills.spent()) < USD:
        (one,) = await tills.wave(1)
        assert one.status == 200, spent
        await tills.wave(MANY)
    assert USD <= spent < USD + RESERVED
    assert {answer.status for answer in await tills.wave(MANY)} == {429}
    line = (await command("keys", "-d", tills.url, "spend")).splitlines()[1].split()
    assert line[1] == "alice"
    assert float(line[-1]) * USD == pytest.approx(spent)
