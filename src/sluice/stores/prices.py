"""The price catalogue that is shipped, and files of an operator's own."""

from importlib.resources import files


def shipped_prices() -> bytes:
    """Return the file; `config.money_policy.shipped` reads it."""
    return files("sluice").joinpath("data", "prices.json").read_bytes()
