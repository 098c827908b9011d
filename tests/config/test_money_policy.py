"""Prices, budgets, the ledger's address: what is written counts, and what is wrong is said where it stands."""

import msgspec
import pytest

from sluice.config.faults import Faults, Place, path_text
from sluice.config.ledger_url import PostgresUrl, SqliteUrl, ledger_url
from sluice.config.money_api import CatalogSource, CatalogSpec, DatabaseSpec, MoneySettings
from sluice.config.money_policy import (
    catalog,
    catalog_file,
    database,
    nanos,
    provider_names,
    shipped,
    short_budgets,
)
from sluice.config.source import Source
from sluice.config.store_url import RedisUrl
from sluice.errors import ConfigError
from sluice.policies.cost import Prices, rate
from sluice.providers.provider import Provider
from sluice.standard import STANDARD
from sluice.stores.prices import shipped_prices

MINI = {"providers": {"openai": {"models": {"gpt-4o-mini": {"rates": {"input": "0.15", "output": "0.6"}}}}}}


def place(*steps: str | int) -> Place:
    return Place("f.yaml", 1, path_text(steps))


def budgets(*specs: dict[str, object]) -> tuple[object, ...]:
    faults = Faults()
    found = short_budgets(msgspec.convert({"budgets": list(specs)}, MoneySettings), place, faults)
    faults.check()
    return found


def test_a_budget_of_money_is_exact() -> None:
    (found,) = budgets({"name": "b", "key": "jwt.sub", "amountUsd": 0.1, "period": "Day"})
    assert found.amount == 10**8  # type: ignore[attr-defined]
    assert (found.unit, found.period, found.blocks, found.key) == ("usd", "Day", True, "jwt.sub")  # type: ignore[attr-defined]


def test_a_budget_of_tokens_may_only_audit() -> None:
    (found,) = budgets({"name": "b", "tokens": 100, "period": "Hour", "onExceeded": "Audit"})
    assert (found.amount, found.unit, found.blocks) == (100, "tokens", False)  # type: ignore[attr-defined]


def test_a_budget_of_money_may_refuse_models_without_a_price_and_one_of_tokens_has_no_use_for_that() -> None:
    for said, needs in ({}, False), ({"unpriced": "Allow"}, False), ({"unpriced": "Block"}, True):
        (found,) = budgets({"name": "b", "amountUsd": 1, "period": "Day", **said})
        assert found.needs_price is needs  # type: ignore[attr-defined]
    with pytest.raises(msgspec.ValidationError, match="`unpriced` belongs to `amountUsd`"):
        budgets({"name": "b", "tokens": 1, "period": "Day", "unpriced": "Block"})


def test_a_budget_that_blocks_may_cut_streams_and_one_that_audits_may_not() -> None:
    (found,) = budgets({"name": "b", "tokens": 1, "period": "Day", "cutStream": True})
    assert found.cuts  # type: ignore[attr-defined]
    with pytest.raises(msgspec.ValidationError, match="`cutStream` belongs to `onExceeded: Block`"):
        budgets({"name": "b", "tokens": 1, "period": "Day", "cutStream": True, "onExceeded": "Audit"})


def test_a_budget_keeps_what_was_spent_if_only_its_amount_changes() -> None:
    first, more, other = (
        budgets({"name": "b", "amountUsd": amount, "period": period})[0].id  # type: ignore[attr-defined]
        for amount, period in ((1, "Day"), (2, "Day"), (1, "Hour"))
    )
    assert first == more != other


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "b", "period": "Day"},
        {"name": "b", "period": "Day", "tokens": 1, "amountUsd": 1},
        {"name": "b", "period": "Week", "tokens": 1},
        {"name": "b", "period": "Day", "tokens": 0},
        {"name": "b", "period": "Day", "amountUsd": -1},
        {"name": "b", "period": "Day", "tokens": 1, "onExceeded": "Panic"},
        {"name": "b", "period": "Day", "tokens": 1, "limit": 5},
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        budgets(spec)


def test_faults_of_a_budget_say_where_it_stands() -> None:
    same = {"name": "b", "tokens": 1, "period": "Day"}
    with pytest.raises(ConfigError, match=r"budgets\[1\]: there is another budget `b`"):
        budgets(same, same)
    with pytest.raises(ConfigError, match=r"budgets\[0\].key"):
        budgets({**same, "key": "nonsense("})
    with pytest.raises(ConfigError, match=r"budgets\[0\]: `amountUsd` is an amount"):
        budgets({"name": "b", "period": "Day", "amountUsd": "much"})


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "0.0000000001", "1000001"])
def test_an_amount_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amountUsd"):
        nanos(text)


# -- prices -----------------------------------------------------------------------------------------------------------


def test_providers_may_be_called_as_in_configuration() -> None:
    names = {"bedrock": "aws.bedrock"}
    spec = msgspec.convert({"providers": {"Bedrock": {"models": {"M": {"rates": {"input": "1"}}}}}}, CatalogSpec)
    assert catalog(spec, names, place, Faults())["aws.bedrock"]["m"].rates.input == rate("1")


def test_a_price_that_is_none_is_a_fault_where_it_stands() -> None:
    faults = Faults()
    spec = msgspec.convert({"providers": {"p": {"models": {"m": {"rates": {"cacheRead": "cheap"}}}}}}, CatalogSpec)
    catalog(spec, {}, place, faults)
    with pytest.raises(ConfigError, match=r"providers.p.models.m.rates.cacheRead: a price is USD"):
        faults.check()


@pytest.mark.parametrize(
    "model",
    [
        {"rates": {"input": 0.15}},
        {"rates": {"inputs": "0.15"}},
        {"tiers": [{"contextOver": 5, "rates": {}}, {"contextOver": 5, "rates": {}}]},
        {"tiers": [{"rates": {}}]},
    ],
)
def test_a_catalogue_of_another_form_is_refused(model: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"providers": {"p": {"models": {"m": model}}}}, CatalogSpec)


def test_a_source_is_a_file_or_stands_there() -> None:
    assert msgspec.convert({"inline": MINI}, CatalogSource).inline is not None
    for wrong in ({}, {"file": "f", "inline": MINI}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, CatalogSource)


def test_a_file_may_call_providers_as_configuration_does() -> None:
    text = """{"read": "today", "providers": {"Vertex": {"models": {"A": {"rates": {"input": "1"}}}}}}"""
    faults = Faults()
    found = catalog_file(Source("own.json", text), provider_names(STANDARD), faults)
    faults.check()
    assert found["gcp.vertex_ai"]["a"].rates.input == rate("1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("providers: {p: {models: {m: {rates: {input: 0.15}}}}}", r"own.yaml:1: providers.p.models.m.rates.input"),
        (
            'providers: {p: {models: {m: {rates: {input: "x"}}}}}',
            r"own.yaml:1: providers.p.models.m.rates.input: a pri",
        ),
        ("prices: {}", r"own.yaml:1: prices: unknown field"),
    ],
)
def test_faults_of_a_file_say_where_in_it(text: str, said: str) -> None:
    faults = Faults()
    catalog_file(Source("own.yaml", text), {}, faults)
    with pytest.raises(ConfigError, match=said):
        faults.check()


def test_providers_have_all_the_words_that_configuration_has_for_them() -> None:
    names = provider_names(STANDARD)
    assert names["vertex"] == names["vertexai"] == "gcp.vertex_ai"
    assert names["azureopenai"] == "azure"
    assert names["openai"] == "openai"


def test_ours_is_in_order_and_knows_the_main_models_of_providers_that_there_are() -> None:
    ours = shipped(shipped_prices())
    telemetry = {STANDARD.get(name, Provider).telemetry_name for name in STANDARD.ids("provider")}
    assert set(ours) <= telemetry
    assert sum(map(len, ours.values())) > 150
    prices = Prices(ours)
    for provider, model in (
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("azure", "gpt-4o-2024-11-20"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("gcp.gemini", "gemini-2.5-flash"),
        ("gcp.vertex_ai", "claude-sonnet-4@20250514"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("aws.bedrock", "amazon.nova-lite-v1:0"),
        ("mistral", "mistral-small-latest"),
        ("deepseek", "deepseek-flash"),
        ("groq", "llama-3.3-70b-versatile"),
    ):
        assert prices.find(provider, model)[0] == "Exact", (provider, model)
    for models in ours.values():
        for name, price in models.items():
            assert name == name.lower()
            assert price.rates.input is not None, name
            assert price.rates.cache_read is None or price.rates.cache_read < price.rates.input, name


# -- the ledger -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [("sqlite:///var/lib/l.db", "/var/lib/l.db"), ("sqlite:l.db", "l.db"), ("sqlite:///a%20b.db", "/a b.db")],
)
def test_a_file_is_named_by_its_path(text: str, path: str) -> None:
    assert ledger_url(text) == SqliteUrl(path=path)


def test_others_are_named_as_their_clients_have_it_and_never_with_the_password() -> None:
    found = ledger_url("postgresql://u:hunter2@db.example/sluice")
    assert isinstance(found, PostgresUrl)
    assert found.label == "db.example:5432/sluice"
    assert "hunter2" not in repr(found)
    assert isinstance(ledger_url("redis://h/0"), RedisUrl)


@pytest.mark.parametrize(
    "text", ["", "ledger.db", "sqlite:", "sqlite://host/l.db", "sqlite:///", "mysql://u:hunter2@h/d", "postgres://h"]
)
def test_an_address_of_no_store_is_refused_without_quoting_it(text: str) -> None:
    faults = Faults()
    assert database(DatabaseSpec(url=text), place, faults) is None
    with pytest.raises(ConfigError, match="url: expected") as caught:
        faults.check()
    assert "hunter2" not in str(caught.value)
