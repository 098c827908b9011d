"""The prices of a plan: the catalogue that is shipped, and over it what an operator says, in files of their own too."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from sluice.config.faults import Faults
from sluice.config.money_policy import catalog_file, provider_names, shipped
from sluice.config.plan import Prices
from sluice.config.source import Source
from sluice.errors import ConfigError
from sluice.policies.cost import Catalog, merged
from sluice.registry import Registry


def shipped_prices() -> bytes:
    """Return the file that is shipped."""
    return files("sluice").joinpath("data", "prices.json").read_bytes()


def load_prices(prices: Sequence[Prices], registry: Registry) -> Catalog:
    """Return all prices of a plan as one catalogue; of several entries for a model the last counts.

    Raises:
        ConfigError: a file cannot be read, or is none.
    """
    names, faults = provider_names(registry), Faults()
    found = [_shipped()]
    for each in prices:
        found.append(each.catalog)
        if each.file:
            found.append(catalog_file(_read(each.file), names, faults))
    faults.check()
    return merged(found)


@cache
def _shipped() -> Catalog:
    return shipped(shipped_prices())


def _read(name: str) -> Source:
    try:
        return Source(name, Path(name).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8 text", file=name) from None
    except OSError as error:
        raise ConfigError(f"a price catalogue cannot be read: {error.strerror}", file=name) from None
