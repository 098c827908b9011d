"""Money: every token is charged once, at the price of its kind, and nothing is rounded."""

import time
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.usage import Usage
from sluice.policies.cost import (
    MAX_KNOWN,
    NO_COST,
    USD,
    Cost,
    Price,
    Prices,
    Rates,
    Tier,
    cost,
    forms,
    merged,
    rate,
    usd,
)
from tests.support.measuring import slowness, undisturbed

MINI = Price(Rates(input=rate("0.15"), output=rate("0.6"), cache_read=rate("0.075")))
SONNET = Price(Rates(input=rate("3"), output=rate("15"), cache_read=rate("0.3"), cache_write=rate("3.75")))
TIERED = Price(
    Rates(input=rate("1.25"), output=rate("10"), cache_read=rate("0.125")),
    (
        Tier(200_000, Rates(input=rate("2.5"), output=rate("15"))),
        Tier(500_000, Rates(input=rate("5"))),
    ),
)
COUNTS = st.integers(0, 10**7)


def prices(**models: Price) -> Prices:
    return Prices(merged([{"p": {name.replace("_", "-"): price for name, price in models.items()}}]))


def test_openai_reports_cached_tokens_within_the_input_and_they_cost_once() -> None:
    # prompt_tokens 1000, of them cached_tokens 400; completion_tokens 200
    found = cost(Usage(input_tokens=1000, cache_read_tokens=400, output_tokens=200), MINI)
    assert usd(found.input) == "0.00009"
    assert usd(found.cache_read) == "0.00003"
    assert usd(found.output) == "0.00012"
    assert usd(found.total) == "0.00024"


def test_anthropic_reports_them_beside_it_and_normalised_they_cost_once_too() -> None:
    # input_tokens 100, cache_read_input_tokens 1000, cache_creation_input_tokens 500: 1600 in all
    usage = Usage(input_tokens=1600, cache_read_tokens=1000, cache_write_tokens=500, output_tokens=200)
    found = cost(usage, SONNET)
    assert usd(found.input) == "0.0003"
    assert usd(found.cache_read) == "0.0003"
    assert usd(found.cache_write) == "0.001875"
    assert usd(found.total) == "0.005475"


def test_what_has_no_price_of_its_own_costs_as_what_it_is_part_of() -> None:
    usage = Usage(
        input_tokens=100,
        output_tokens=100,
        cache_read_tokens=50,
        cache_write_tokens=10,
        reasoning_tokens=90,
        input_audio_tokens=10,
        output_audio_tokens=5,
    )
    found = cost(usage, Price(Rates(input=rate("1"), output=rate("2"))))
    assert found == Cost(status="Exact", input=100 * rate("1"), output=100 * rate("2"))


def test_audio_and_reasoning_have_prices_of_their_own() -> None:
    price = Price(
        Rates(input=1, output=10, reasoning=100, input_audio=1000, output_audio=10_000),
    )
    usage = Usage(input_tokens=7, input_audio_tokens=2, output_tokens=9, reasoning_tokens=4, output_audio_tokens=3)
    found = cost(usage, price)
    assert (found.input, found.input_audio) == (5, 2000)
    assert (found.output, found.reasoning, found.output_audio) == (20, 400, 30_000)


@pytest.mark.parametrize(("tokens", "each"), [(200_000, "1.25"), (200_001, "2.5"), (500_000, "2.5"), (500_001, "5")])
def test_a_tier_prices_the_whole_request_beyond_its_threshold(tokens: int, each: str) -> None:
    assert cost(Usage(input_tokens=tokens), TIERED).total == tokens * rate(each)


def test_a_tier_keeps_what_it_does_not_say() -> None:
    found = cost(Usage(input_tokens=500_001, cache_read_tokens=500_001, output_tokens=1), TIERED)
    assert found.cache_read == 500_001 * rate("0.125")
    assert found.output == rate("10")  # of the base: the tier of 200,000 is not the one


@given(st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, COUNTS)))
def test_no_report_charges_more_tokens_than_there_were(usage: Usage) -> None:
    found = cost(usage, Price(_all(1)))
    assert found.total == usage.total_tokens


def _all(each: int) -> Rates:
    return Rates(**dict.fromkeys(Rates.__struct_fields__, each))


@pytest.mark.parametrize("part", [name for name in Usage.__struct_fields__ if name != "input_tokens"])
def test_no_part_that_is_less_than_nothing_makes_the_rest_dearer_or_cheaper(part: str) -> None:
    price = Price(msgspec.structs.replace(SONNET.rates, reasoning=1, input_audio=2, output_audio=3))
    found = cost(Usage(**{"input_tokens": 1000, part: -100_000}), price)
    assert found.total == found.input == 1000 * rate("3")
    assert cost(Usage(input_tokens=-1000), price).total == 0


def test_an_alias_costs_what_its_model_does() -> None:
    known = prices(m=MINI)
    assert known.find("p", "prod-deployment-7", "m", "fast") == ("Exact", MINI)
    assert known.find("p", "", "", "m") == ("Exact", MINI)
    assert known.find("p", "prod-deployment-7", "", "fast")[0] == "Missing"


@given(st.decimals("0.000001", "1000", places=6), st.integers(0, 10**9))
def test_a_cost_is_exact(price: Decimal, tokens: int) -> None:
    found = cost(Usage(input_tokens=tokens), Price(Rates(input=rate(str(price)))))
    assert Decimal(usd(found.total)) == price * tokens / 10**6


@pytest.mark.parametrize("text", ["-1", "0.1234567", "free", "", "NaN", "Infinity", "1000001"])
def test_a_price_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="price"):
        rate(text)


@pytest.mark.parametrize(
    ("picos", "text"), [(0, "0"), (USD, "1"), (1, "0.000000000001"), (12 * USD + USD // 2, "12.5"), (-USD, "-1")]
)
def test_an_amount_is_written_with_the_decimals_it_has(picos: int, text: str) -> None:
    assert usd(picos) == text


# -- looking up -------------------------------------------------------------------------------------------------------


def test_the_model_that_answered_counts_before_the_one_that_was_asked() -> None:
    found = prices(answered=MINI, asked=SONNET)
    assert found.find("p", "answered", "asked") == ("Exact", MINI)
    assert found.find("p", "unknown", "asked") == ("Exact", SONNET)


def test_each_way_to_have_no_price_has_its_word() -> None:
    usage = Usage(input_tokens=10)
    assert prices(a=MINI).cost(usage, "p", "b").status == "Missing"
    assert prices(a=MINI).cost(usage, "elsewhere", "a").status == "Missing"
    assert prices(a=Price()).cost(usage, "p", "a") == Cost(status="Unpriced")
    assert Prices(None).cost(usage, "p", "a") == NO_COST


@pytest.mark.parametrize(
    ("said", "listed"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("GPT-4o", "gpt-4o"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-pro-v1:0", "amazon.nova-pro"),
        ("publishers/anthropic/models/claude-opus-4-1@20250805", "claude-opus-4-1"),
        ("models/gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("google/gemini-2.5-pro", "gemini-2.5-pro"),
        ("mistral-large-latest", "mistral-large"),
        ("ft:gpt-4o-mini-2024-07-18:acme::id", "ft:gpt-4o-mini"),
    ],
)
def test_a_name_with_a_date_a_region_or_a_vendor_finds_the_model(said: str, listed: str) -> None:
    assert listed in forms(said)


@pytest.mark.parametrize("name", ["gpt-4.1", "gpt-4o", "gemini-2.5-pro", "llama-3.3-70b-versatile", "o3"])
def test_a_name_that_has_none_of_these_stays_whole(name: str) -> None:
    assert list(forms(name)) == [name]


def test_an_entry_with_a_date_counts_before_the_one_without() -> None:
    found = prices(gpt_4o_2024_05_13=SONNET, gpt_4o=MINI)
    assert found.find("p", "gpt-4o-2024-05-13")[1] is SONNET
    assert found.find("p", "gpt-4o-2024-08-06")[1] is MINI


def test_a_later_catalogue_replaces_the_whole_entry_and_leaves_the_others() -> None:
    own = Price(Rates(output=rate("8")))
    found = merged([{"p": {"a": MINI, "b": SONNET}}, {"p": {"A": own}, "q": {"c": TIERED}}])
    assert found == {"p": {"a": own, "b": SONNET}, "q": {"c": TIERED}}


def test_names_that_clients_make_up_do_not_fill_the_memory() -> None:
    found = prices(a=MINI)
    for number in range(3 * MAX_KNOWN):
        found.find("p", "a", f"made-up-{number}")
    assert len(found._known) <= MAX_KNOWN


@pytest.mark.timed
def test_a_cost_takes_microseconds() -> None:
    found, usage = prices(a=SONNET), Usage(input_tokens=1600, cache_read_tokens=1000, output_tokens=200)
    best = 1.0
    with undisturbed():
        for _ in range(20):
            began = time.perf_counter()
            for _ in range(200):
                found.cost(usage, "p", "a", "a")
            best = min(best, (time.perf_counter() - began) / 200)
        assert best < 5e-6 * slowness()
