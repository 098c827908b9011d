"""Models without a price are named when a configuration is loaded, if a budget in USD holds for them."""

import pytest

from sluice.config.money_gaps import MOST_NAMED, counts_money, gaps, unused
from sluice.config.plan import Plan
from sluice.policies.cost import Price, Prices, Rates, rate
from tests.config.loading import plan

PRICES = Prices({"openai": {"known": Price(Rates(input=rate("1")))}})
BUDGET = "{budgets: [{name: b, amountUsd: 1, period: Day%s}]}"
FREE = "Budgets in USD count these models as free, for they have no price: "
REFUSED = "Budgets with `unpriced: Block` refuse these models, for they have no price: "


def short(policies: str, *models: str) -> Plan:
    rows = "".join(f"\n  - {model}" for model in models)
    return plan(f"llm:\n  policies: {policies}\n  models:{rows}", env={"OPENAI_API_KEY": "sk-1"})


MODELS = (
    "{name: known, provider: openAI}",
    "{name: dark, provider: openAI}",
    "{name: alias, provider: openAI, params: {model: darker}}",
    "{name: 'any-*', provider: openAI}",
)


@pytest.mark.parametrize(("said", "words"), [("", FREE), (", unpriced: Block", REFUSED)])
def test_those_that_the_configuration_names_are_named(said: str, words: str) -> None:
    found = short(BUDGET % said, *MODELS)
    assert counts_money(found)
    (note,) = gaps(found, PRICES)
    assert note.startswith(f"{words}openai/dark, openai/darker.")


def test_nothing_is_said_without_a_budget_in_usd() -> None:
    for policies in ("{}", "{budgets: [{name: b, tokens: 1, period: Day}]}"):
        found = short(policies, *MODELS)
        assert not counts_money(found)
        assert gaps(found, PRICES) == ()


def test_nothing_is_said_where_everything_has_a_price() -> None:
    assert gaps(short(BUDGET % "", MODELS[0]), PRICES) == ()


def test_a_long_list_ends() -> None:
    models = [f"{{name: dark-{number}, provider: openAI}}" for number in range(MOST_NAMED + 5)]
    (note,) = gaps(short(BUDGET % "", *models), PRICES)
    assert " and 5 more." in note
    assert note.count("openai/dark") == MOST_NAMED


def test_prices_of_a_provider_that_there_is_not_are_named() -> None:
    price = Price(Rates(input=rate("1")))
    catalog = {"openai": {"m": price}, "opneai": {"m": price}, "azure.ai.openai": {"m": price}}
    (note,) = unused(short("{}", *MODELS), catalog, ["azure.ai.openai"])
    assert note == "`config.modelCatalog` has prices of providers that there are not: opneai."
