"""The labs about money, from their manifests: B5 (virtual keys), B6 and C12 (costs and budgets).

What a manifest says goes through the same schema and compiler as a gateway's, and meets a real ledger.
"""

from pathlib import Path

import msgspec
import pytest
import yaml

from sluice.chat.usage import Usage
from sluice.config.faults import Faults, Place, path_text
from sluice.config.money_api import CatalogSpec, MoneySettings
from sluice.config.money_policy import catalog, shipped, short_budgets
from sluice.errors import BudgetExceeded
from sluice.policies.budget import Budget
from sluice.policies.cost import Prices, merged, usd
from sluice.policies.principal import Principal
from sluice.policies.scene import Scene
from sluice.stores.prices import shipped_prices
from tests.gateway.money import Till, ended, till

CATALOG = """
{"providers":{"openai":{"models":{"gpt-4o-mini":{"rates":{"input":"0.15","output":"0.6","cacheRead":"0.075"}}}}}}
"""
BUDGETS = """
budgets:
- name: per-key
  key: apiKey.key_id
  tokens: 100
  period: Hour
  onExceeded: %s
"""
HELLO = Usage(input_tokens=12, output_tokens=100)


def place(*steps: str | int) -> Place:
    return Place("lab.yaml", 1, path_text(steps))


def manifest(on_exceeded: str) -> tuple[Budget, ...]:
    faults = Faults()
    found = short_budgets(msgspec.convert(yaml.safe_load(BUDGETS % on_exceeded), MoneySettings), place, faults)
    faults.check()
    return found


async def chat(at: Till, who: str, budgets: tuple[Budget, ...]) -> int:
    """One request of somebody; return its status."""
    scene, by = Scene({"apiKey": {"key_id": who}}), Principal(kind="api_key", id=who)
    try:
        held = await at.admit(*budgets, by=by, scene=scene, provider="openai", model="gpt-4o-mini", bound=50)
    except BudgetExceeded as error:
        return error.status
    held.settle(ended(usage=HELLO, provider="openai", model="gpt-4o-mini-2024-07-18"))
    return 200


async def test_b5_alice_is_refused_when_her_tokens_are_used_up_and_bob_is_not(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        block = manifest("Block")
        assert [await chat(at, "alice", block) for _ in range(3)] == [200, 429, 429]
        assert await chat(at, "bob", block) == 200


async def test_b6_a_budget_that_audits_lets_all_eight_pass(tmp_path: Path) -> None:
    async with till(tmp_path) as at:
        assert [await chat(at, "alice", manifest("Audit")) for _ in range(8)] == [200] * 8
        (row,) = await at.ledger.spend("key_id", 0, 4e9)
        assert (row.requests, row.input_tokens, row.output_tokens) == (8, 8 * 12, 8 * 100)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"])
def test_c12_an_exchange_costs_what_the_catalogue_of_the_page_says(model: str) -> None:
    own = catalog(msgspec.json.decode(CATALOG, type=CatalogSpec), {}, place, Faults())
    for prices in (Prices(own), Prices(merged([shipped(shipped_prices()), own]))):
        cost = prices.cost(Usage(input_tokens=100, cache_read_tokens=40, output_tokens=10), "openai", model)
        assert cost.status == "Exact"
        assert (usd(cost.input), usd(cost.cache_read), usd(cost.output)) == ("0.000009", "0.000003", "0.000006")
        assert cost.members()["total"] == pytest.approx(0.000018)


def test_c12_the_cost_of_a_model_without_a_price_is_nought_and_says_why() -> None:
    prices = Prices(merged([shipped(shipped_prices())]))
    cost = prices.cost(HELLO, "ollama", "my-own-model")
    assert (cost.total, cost.status) == (0, "Missing")
