"""Budgets hold, whatever becomes of exchanges, and each of them is written down once."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice.chat.usage import Usage
from sluice.errors import BudgetExceeded, Forbidden, PolicyUnavailable
from sluice.gateway.money import Money, priced
from sluice.gateway.money_ports import Admission, Claim, LedgerGone, Opened, Settled
from sluice.policies.budget import NANOS_PER_USD, UNBOUNDED_OUTPUT
from sluice.policies.cost import NO_COST, USD, Prices, usd
from sluice.policies.principal import Principal
from sluice.policies.scene import Scene
from tests.gateway.money import PRICES, ask, budget, ended, till

RESERVED = 100 * 10**6 + 1000 * 10**7
"""Picodollars of a request with 100 tokens and a bound of 1000."""
ALICE = Principal(kind="api_key", id="vk-1", metadata={"team": "red"})


def noon() -> float:
    return datetime(2026, 11, 21, 12, 30, tzinfo=UTC).timestamp()


async def test_an_exchange_costs_what_it_used_and_its_row_says_so(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        held = await at.admit(by=ALICE)
        assert await at.cost() == RESERVED
        facts = held.settle(ended(usage=Usage(input_tokens=100, output_tokens=10)))
        assert usd(facts.cost.total) == "0.0002"
        assert (facts.cost.status, facts.provenance) == ("Exact", "provider")
        for by, group in (("key_id", "vk-1"), ("team", "red"), ("principal", "api_key:vk-1"), ("route", "default/r")):
            (row,) = await at.ledger.spend(by, 0, 4e9)
            assert (row.group, row.open, row.cost, row.output_tokens) == (group, 0, facts.cost.total, 10)


async def test_a_second_settlement_changes_nothing(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        held = await at.admit(budget())
        first = held.settle(ended(usage=Usage(output_tokens=10)))
        assert held.settle(ended(usage=Usage(output_tokens=9999))) is first
        assert await at.cost() == first.cost.total


async def test_a_dollar_and_500_at_once_never_pass_it_by_more_than_one_reservation(tmp_path: Path) -> None:
    spent, refused, chance = 0, 0, random.Random(7)
    async with till(tmp_path) as at:

        async def one() -> None:
            nonlocal spent, refused
            try:
                held = await at.admit(budget(), by=ALICE)
            except BudgetExceeded:
                refused += 1
                return
            await asyncio.sleep(0)
            used = Usage(input_tokens=100, output_tokens=chance.randint(0, 1000))
            spent += held.settle(ended(usage=used)).cost.total

        while refused < 500:  # until a whole wave is refused
            refused = 0
            await asyncio.gather(*(one() for _ in range(500)))
        assert USD <= spent <= USD + RESERVED  # it is used up, and not passed by more
        assert await at.cost() == spent


async def test_nobody_is_refused_while_what_is_spent_and_reserved_is_less_than_the_budget(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        reserved = RESERVED // 1000  # nanodollars
        held = [await at.admit(budget(3 * reserved)) for _ in range(3)]
        with pytest.raises(BudgetExceeded):
            await at.admit(budget(3 * reserved))
        held[0].settle(ended(usage=Usage(input_tokens=100, output_tokens=999)))
        await at.admit(budget(3 * reserved))


async def test_who_is_refused_hears_when_the_period_ends(tmp_path: Path) -> None:
    async with till(tmp_path, noon) as at:
        for period, seconds in (("Hour", 1800), ("Day", 41_400), ("Month", 9 * 86_400 + 41_400)):
            small = budget(1, id=period, period=period)
            (await at.admit(small)).settle(ended(usage=Usage(output_tokens=1)))
            with pytest.raises(BudgetExceeded) as caught:
                await at.admit(small)
            assert caught.value.retry_after_s == seconds
            assert caught.value.status == 429


async def test_a_new_period_begins_with_nothing_spent(tmp_path: Path) -> None:
    now = noon()
    async with till(tmp_path, lambda: now) as at:
        await at.admit(budget(1, period="Hour"))
        now += 1799
        with pytest.raises(BudgetExceeded):
            await at.admit(budget(1, period="Hour"))
        now += 1
        await at.admit(budget(1, period="Hour"))


async def test_each_value_of_the_key_has_a_budget_and_those_without_one_share(tmp_path: Path) -> None:
    def scene(sub: str) -> Scene:
        return Scene({"jwt": {"sub": sub} if sub else {}})

    async with till(tmp_path) as at:
        each = budget(1, key="jwt.sub")
        for sub in ("alice", "bob", ""):
            await at.admit(each, scene=scene(sub))
            with pytest.raises(BudgetExceeded):
                await at.admit(each, scene=scene(sub))


async def test_a_budget_of_tokens_counts_in_and_out(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        tokens = budget(2000, unit="tokens", cuts=True)
        held = await at.admit(tokens)
        assert held.tokens_left == 1900
        held.settle(ended(usage=Usage(input_tokens=150, output_tokens=50)))
        assert (await at.admit(tokens)).tokens_left == 1700


@pytest.mark.parametrize("needs_price", [False, True])
async def test_a_model_without_a_price_counts_as_free_or_is_refused_as_its_budget_says(
    tmp_path: Path, needs_price: bool
) -> None:
    def targets(*models: str) -> Callable[[], list[tuple[str, str]]]:
        return lambda: [("p", model) for model in models]

    async with till(tmp_path) as at:
        each = budget(needs_price=needs_price)
        (await at.admit(each, may_ask=targets("m"))).settle(ended(usage=Usage(output_tokens=1)))
        for models in (("dark",), ("m", "dark")):  # the one that is asked first, or the one that stands in for it
            if needs_price:
                with pytest.raises(Forbidden, match="dark has none") as caught:
                    await at.admit(each, may_ask=targets(*models))
                assert (caught.value.status, caught.value.reason) == (403, "Budget")
            else:
                (await at.admit(each, may_ask=targets(*models))).settle(ended(model="dark", usage=Usage()))
        assert await at.cost() == 10**7


async def test_one_that_audits_refuses_nobody_and_says_that_it_is_spent(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        audit = budget(1, name="soft", blocks=False)
        assert (await at.admit(audit)).over == ()
        held = await at.admit(audit)
        assert held.over == ("soft",)
        assert held.tokens_left is None
        assert held.settle(ended()).over == ("soft",)


async def test_the_tightest_budget_that_cuts_says_how_long_an_answer_may_become(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        held = await at.admit(budget(cuts=True), budget(1_100_000, id="small", cuts=True), budget(2, id="other"))
        assert held.tokens_left == 100  # 1.1 millidollars: 0.1 for the prompt, 0.01 for each token


async def test_without_a_bound_a_usual_answer_is_reserved(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        await at.admit(bound=None)
        assert (await at.ledger.spend("model", 0, 4e9))[0].output_tokens == UNBOUNDED_OUTPUT


async def test_an_abort_before_usage_is_charged_by_what_was_streamed(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        facts = (await at.admit()).settle(ended("client_gone", tokens=30))
        assert (facts.usage, facts.provenance) == (Usage(input_tokens=100, output_tokens=30), "counted")
        assert await at.cost() == facts.cost.total == 100 * 10**6 + 30 * 10**7


async def test_what_was_reserved_and_what_is_paid_are_by_the_same_price(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        held = await at.admit()
        answered = ended("client_gone", tokens=30, model="prod-7", target_model="m", asked_model="fast")
        assert held.settle(answered).cost.total == 100 * 10**6 + 30 * 10**7
        assert priced(answered, PRICES).cost.status == "Exact"


async def test_what_an_answers_head_has_said_is_what_is_written_down(tmp_path: Path) -> None:
    """Whatever prices say of it; but not of an answer that broke off, whose tokens are counted."""
    said = Usage(input_tokens=10, output_tokens=20)
    async with till(tmp_path) as at:
        tag = PRICES.cost(said, "p", "m")
        held = await at.admit(prices=Prices(None))
        assert held.settle(ended(usage=said, cost=tag)).cost == tag
        assert await at.cost() == tag.total
        broken = ended("client_gone", usage=said, tokens=30, cost=tag)
        assert priced(broken, Prices(None)).cost == NO_COST


async def test_no_number_takes_from_what_others_have_reserved(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        tokens = budget(1000, unit="tokens")
        await at.admit(tokens, bound=800)
        (await at.admit(tokens, bound=-(10**30))).settle(ended(usage=Usage(input_tokens=-(10**30))))
        (await at.admit(tokens, prompt=-(10**9), bound=100)).settle(ended(usage=Usage(input_tokens=10**30)))
        with pytest.raises(BudgetExceeded):
            await at.admit(tokens)
        assert 0 <= await at.cost() <= 1 << 55


async def test_each_answer_without_a_bound_reserves_a_usual_one(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        await at.admit(bound=None, choices=3)
        assert (await at.ledger.spend("model", 0, 4e9))[0].output_tokens == 3 * UNBOUNDED_OUTPUT


async def test_a_refusal_of_the_provider_gives_back_all_that_was_reserved(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        (await at.admit(budget(1))).settle(ended("rejected"))
        await at.admit(budget(1))


async def test_spent_amounts_survive_a_restart(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        (await at.admit(budget(1))).settle(ended(usage=Usage(output_tokens=1)))
    async with till(tmp_path) as at:
        with pytest.raises(BudgetExceeded):
            await at.admit(budget(1))


class Gone:
    """A ledger that cannot be written."""

    async def admit(self, opened: Opened, claims: Sequence[Claim]) -> Admission:
        raise LedgerGone("SQLite: disk is full")

    def settle(self, settled: Settled) -> None:
        raise AssertionError("nothing was begun")


async def test_a_ledger_that_is_gone_refuses_those_with_a_budget_and_lets_others_pass() -> None:
    said: list[str] = []
    money = Money(ledger=Gone(), wall=noon, new_id=str, failed=said.append)
    with pytest.raises(PolicyUnavailable, match="budgets cannot be checked"):
        await money.admit((budget(),), Scene(), ALICE, ask())
    for budgets in ((), (budget(blocks=False),)):
        held = await money.admit(budgets, Scene(), ALICE, ask())
        assert held.settle(ended(usage=Usage(output_tokens=1))).cost.total == 10**7
    assert said == ["an exchange is not in the ledger: SQLite: disk is full"] * 2


async def test_without_a_ledger_there_are_prices_and_no_budgets() -> None:
    money = Money(ledger=None, wall=noon, new_id=str)
    held = await money.admit((), Scene(), ALICE, ask())
    assert usd(held.settle(ended(usage=Usage(output_tokens=1))).cost.total) == "0.00001"
    with pytest.raises(PolicyUnavailable):
        await money.admit((budget(NANOS_PER_USD),), Scene(), ALICE, ask())


async def test_names_that_no_store_can_write_do_not_reach_it(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        held = await at.admit(request_id="x" * 9999, route="a\ud800\0b", model="m")
        held.settle(ended(model="\ud800\0" * 400, usage=Usage(input_tokens=1 << 80)))
        assert len(await at.ledger.spend("route", 0, 4e9)) == 1
