"""Every ledger keeps the same promises, whatever it is kept in."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from sluice.gateway.money_ports import DEAD_S, Books, VirtualKey
from sluice.stores.ledger_postgres import PostgresLedger
from sluice.stores.ledger_redis import RedisLedger
from sluice.stores.ledger_sqlite import SqliteLedger
from tests.stores.booking import at_work, claim, opened, settled, used
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer

Wall = Callable[[], float]
Make = Callable[..., Books]


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes stores that share what they keep, each as a process of its own."""
    if request.param == "sqlite":
        yield lambda wall=time.time: SqliteLedger(str(tmp_path / "ledger.db"), wall=wall)
    elif request.param == "redis":
        with RedisServer(tmp_path) as server:
            yield lambda wall=time.time: RedisLedger(server.url, wall=wall)
    else:
        url = request.getfixturevalue("postgres").database()
        yield lambda wall=time.time: PostgresLedger(url, wall=wall)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def books(make: Make) -> AsyncIterator[Books]:
    async with at_work(make) as found:
        yield found


async def spent(books: Books, by: str = "model") -> dict[str, tuple[int, int, int]]:
    """Group -> requests, open ones, cost."""
    return {each.group: (each.requests, each.open, each.cost) for each in await books.spend(by, 0, 4e9)}


# -- rows -------------------------------------------------------------------------------------------------------------


async def test_a_row_counts_as_reserved_until_it_is_settled(books: Books) -> None:
    row = opened(model="m", cost=500)
    assert (await books.admit(row, [])).admitted
    assert await spent(books) == {"m": (1, 1, 500)}
    books.settle(settled(row, model="m-2024", cost=70, input_tokens=3, output_tokens=4))
    assert await spent(books) == {"m-2024": (1, 0, 70)}
    assert (await books.spend("model", 0, 4e9))[0].output_tokens == 4


async def test_only_the_first_settlement_of_a_row_counts(books: Books) -> None:
    row = opened(model="m")
    await books.admit(row, [claim(10)])
    for _ in range(3):
        books.settle(settled(row, -10, model="m", cost=1))
    assert await used(books) == 0
    assert await spent(books) == {"m": (1, 0, 1)}


async def test_a_settlement_of_no_row_counts_for_nothing(books: Books) -> None:
    await books.admit(opened(), [claim(10)])
    books.settle(settled(opened(), -5, cost=9))
    assert await used(books) == 10


async def test_everything_is_there_after_a_restart(make: Make) -> None:
    row = opened(model="m")
    async with at_work(make) as books:
        await books.admit(row, [claim(30)])
        books.settle(settled(row, -10, model="m", cost=5))
    async with at_work(make) as books:
        assert await used(books) == 20
        assert await spent(books) == {"m": (1, 0, 5)}


@pytest.mark.parametrize("by", ["key_id", "team", "principal", "route"])
async def test_spending_is_told_by_whoever_asked(books: Books, by: str) -> None:
    for group, cost in (("a", 5), ("b", 50), ("a", 7)):
        row = opened(**{by: group})
        await books.admit(row, [])
        books.settle(settled(row, cost=cost))
    assert await spent(books, by) == {"b": (1, 0, 50), "a": (2, 0, 12)}


async def test_spending_is_told_by_day_and_within_a_time(books: Books) -> None:
    for at in (86_400.0 * 3, 86_400.0 * 3 + 5, 86_400.0 * 4):
        await books.admit(opened(at=at, cost=1), [])
    assert await spent(books, "day") == {"1970-01-04": (2, 2, 2), "1970-01-05": (1, 1, 1)}
    assert [each.requests for each in await books.spend("day", 86_400 * 3 + 1, 86_400 * 4)] == [1]


# -- budgets ----------------------------------------------------------------------------------------------------------


async def test_a_claim_is_granted_while_less_than_the_budget_is_used_and_not_after(books: Books) -> None:
    admissions = [await books.admit(opened(), [claim(40)]) for _ in range(5)]
    assert [each.admitted for each in admissions] == [True, True, True, False, False]
    assert [each.used for each in admissions] == [(0,), (40,), (80,), (120,), (120,)]


async def test_what_is_settled_for_less_is_there_for_others_at_once(books: Books) -> None:
    row = opened()
    await books.admit(row, [claim(100)])
    assert not (await books.admit(opened(), [claim(1)])).admitted
    books.settle(settled(row, -1))
    assert (await books.admit(opened(), [claim(1)])).admitted


async def test_what_came_to_more_counts_as_that(books: Books) -> None:
    row = opened()
    await books.admit(row, [claim(10)])
    books.settle(settled(row, 500))
    assert await used(books) == 510


async def test_all_claims_are_granted_or_none(books: Books) -> None:
    await books.admit(opened(), [claim(100, counter="full")])
    admission = await books.admit(opened(), [claim(5, counter="free"), claim(5, counter="full")])
    assert admission.used == (0, 100)
    assert not admission.admitted
    assert await used(books, "free") == 0
    assert sum(each.requests for each in await books.spend("model", 0, 4e9)) == 1


async def test_a_claim_that_does_not_block_is_counted_and_granted(books: Books) -> None:
    for _ in range(3):
        assert (await books.admit(opened(), [claim(90, blocks=False)])).admitted
    assert await used(books) == 270


async def test_many_at_once_never_pass_the_budget_by_more_than_one_reservation(make: Make) -> None:
    async with at_work(make) as one, at_work(make) as two:
        asks = [store.admit(opened(), [claim(7, amount=1000)]) for _ in range(250) for store in (one, two)]
        admissions = await asyncio.gather(*asks)
        assert sum(each.admitted for each in admissions) == 143  # ceil(1000 / 7)
        assert await used(one) == await used(two) == 143 * 7


async def test_two_that_take_turns_never_pass_the_budget_by_more_than_one_reservation(make: Make) -> None:
    async def one_after_the_other(store: Books) -> int:
        return sum([(await store.admit(opened(), [claim(7, amount=700)])).admitted for _ in range(100)])

    async with at_work(make) as one, at_work(make) as two:
        assert sum(await asyncio.gather(one_after_the_other(one), one_after_the_other(two))) == 100
        assert await used(one) == await used(two) == 700


async def test_one_that_is_given_up_reserves_nothing(books: Books) -> None:
    for _ in range(20):
        task = asyncio.create_task(books.admit(opened(), [claim(5)]))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert await used(books) == 0


# -- death ------------------------------------------------------------------------------------------------------------


async def test_rows_of_a_process_that_died_are_settled_as_what_they_had_reserved(make: Make) -> None:
    now = time.time()
    dead = make(lambda: now)
    await dead.open()
    await dead.admit(opened(model="m", cost=33, input_tokens=5), [claim(30)])
    async with at_work(lambda: make(lambda: now + DEAD_S - 1)) as books:
        assert await spent(books) == {"m": (1, 1, 33)}  # it may be alive
    async with at_work(lambda: make(lambda: now + DEAD_S + 1)) as books:
        assert await spent(books) == {"m": (1, 0, 33)}
        assert await used(books) == 30
    await dead.close()


async def test_rows_of_a_process_that_lives_stay_open(make: Make) -> None:
    now = time.time()
    async with at_work(make) as alive:
        row = opened(model="m", cost=33)
        await alive.admit(row, [])
        async with at_work(lambda: make(lambda: now + 1)) as other:
            assert await spent(other) == {"m": (1, 1, 33)}
        alive.settle(settled(row, model="m", cost=1))
        assert await spent(alive) == {"m": (1, 0, 1)}


# -- keys -------------------------------------------------------------------------------------------------------------


def key(number: int = 1, **said: object) -> VirtualKey:
    return VirtualKey(**{"id": f"vk-{number}", "digest": bytes([number]) * 32, "created_at": float(number), **said})  # type: ignore[arg-type]


async def test_a_key_is_kept_with_all_that_is_known_of_it(books: Books) -> None:
    made = key(
        name="alice",
        team="red",
        metadata={"tier": "gold"},
        allowed_models=("gpt-*",),
        budget_unit="usd",
        budget_amount=10**10,
        budget_period="Month",
    )
    await books.add_key(made)
    await books.add_key(key(2))
    assert await books.keys() == (made, key(2))


async def test_each_change_of_the_keys_has_another_version(make: Make) -> None:
    async with at_work(make) as one, at_work(make) as two:
        versions = [await two.keys_version()]
        await one.add_key(key())
        versions.append(await two.keys_version())
        assert await one.revoke_key("vk-1", 5.0)
        versions.append(await two.keys_version())
        assert len(set(versions)) == 3
        assert (await two.keys())[0].revoked_at == 5.0


async def test_a_key_is_revoked_once(books: Books) -> None:
    await books.add_key(key())
    assert await books.revoke_key("vk-1", 5.0)
    assert not await books.revoke_key("vk-1", 6.0)
    assert not await books.revoke_key("vk-2", 6.0)
