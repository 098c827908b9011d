"""The prices of a plan: ours, and over them what an operator says, in its order."""

from pathlib import Path

import pytest

from sluice.config.plan import Prices
from sluice.errors import ConfigError
from sluice.policies.cost import Price, Rates, rate
from sluice.standard import STANDARD
from sluice.stores.prices import load_prices

OWN = '{"providers": {"OpenAI": {"models": {"a": {"rates": {"input": "1"}}, "b": {"rates": {"input": "2"}}}}}}'


def test_the_last_entry_of_a_model_counts_and_ours_are_below(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(OWN)
    inline = {"openai": {"b": Price(Rates(input=rate("3")))}}
    found = load_prices([Prices(file=str(file)), Prices(catalog=inline)], STANDARD)["openai"]
    assert (found["a"].rates.input, found["b"].rates.input) == (rate("1"), rate("3"))
    assert found["gpt-4o-mini"].rates.input == rate("0.15")


def test_a_file_that_is_not_there_or_none_is_a_fault_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    with pytest.raises(ConfigError, match=r"own.json: a price catalogue cannot be read: No such file"):
        load_prices([Prices(file=str(file))], STANDARD)
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"own.json: not UTF-8"):
        load_prices([Prices(file=str(file))], STANDARD)
