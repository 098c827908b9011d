"""What configuration says about money, to what the gateway works with.

PURE. Budgets of all layers add up: a Gateway's holds beside what a route says, and nobody below drops it. One that
stands above several routes is one budget for all of them.
Guarantee: an address is never quoted in a fault: it may hold a password.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import sha256

import msgspec

from sluice.config.conditions import Placing
from sluice.config.decode import decode
from sluice.config.faults import Faults, Place
from sluice.config.layers import Said
from sluice.config.ledger_url import LedgerUrl, ledger_url
from sluice.config.limit_expressions import checked
from sluice.config.money_api import (
    BudgetSpec,
    CatalogSpec,
    DatabaseSpec,
    MoneySettings,
    RatesSpec,
    ShippedCatalog,
)
from sluice.config.source import Source, read
from sluice.config.struct_fields import fields_of
from sluice.policies.budget import NANOS_PER_USD, Budget
from sluice.policies.cost import Catalog, Price, Rates, Tier, merged, rate
from sluice.providers.provider import Provider
from sluice.registry import Registry

MAX_USD = 1_000_000


class MoneyReader:
    """Reads budgets for all rules of a configuration."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._made: dict[int, tuple[object, tuple[Budget, ...]]] = {}

    def budgets(self, layers: Iterable[Said[MoneySettings]]) -> tuple[Budget, ...]:
        """Return what layers, the weakest first, come to."""
        return tuple(budget for said in layers for budget in self._one(said))

    def _one(self, said: Said[MoneySettings]) -> tuple[Budget, ...]:
        known = self._made.get(id(said.settings))
        if known is None:
            value = said.document.value
            metadata = value.get("metadata") if isinstance(value, dict) else None
            name = metadata.get("name", "") if isinstance(metadata, dict) else ""
            found = _budgets(said.settings, f"{said.namespace}/{name}", said.place, self._faults)
            known = self._made[id(said.settings)] = (said.settings, found)
        return known[1]


def short_budgets(spec: MoneySettings, place: Placing, faults: Faults) -> tuple[Budget, ...]:
    """Return what `policies` of the short form say; `place` begins there."""
    return _budgets(spec, "", place, faults)


def _budgets(spec: MoneySettings, label: str, place: Placing, faults: Faults) -> tuple[Budget, ...]:
    found: dict[str, Budget] = {}
    for index, each in enumerate(spec.budgets or ()):
        budget = _budget(each, label, place("budgets", index), place("budgets", index, "key"), faults)
        if budget is not None and budget.id in found:
            faults.add(place("budgets", index), f"there is another budget `{each.name}` that counts the same")
        elif budget is not None:
            found[budget.id] = budget
    return tuple(found.values())


def _budget(spec: BudgetSpec, label: str, place: Place, key_place: Place, faults: Faults) -> Budget | None:
    key = checked(spec.key, key_place, faults)
    unit = "tokens" if spec.tokens is not None else "usd"
    try:
        amount = spec.tokens if spec.tokens is not None else nanos(spec.amount_usd)
    except ValueError as error:
        faults.add(place, str(error))
        return None
    words = f"{label}\0{spec.name}\0{key}\0{unit}\0{spec.period}"
    return Budget(
        id=sha256(words.encode()).hexdigest()[:16],
        name=spec.name,
        key=key,
        amount=amount,
        unit="tokens" if unit == "tokens" else "usd",
        period=spec.period,
        blocks=spec.on_exceeded == "Block",
        cuts=spec.cut_stream,
        needs_price=spec.unpriced == "Block",
    )


def nanos(amount: float | str | None) -> int:
    """Read an amount of USD as nanodollars.

    Raises:
        ValueError: it is none.
    """
    try:
        number = Decimal(str(amount)) * NANOS_PER_USD
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 < number <= MAX_USD * NANOS_PER_USD or number != int(number):
        raise ValueError(f"`amountUsd` is an amount of USD up to {MAX_USD}, with at most 9 decimals")
    return int(number)


# -- prices -----------------------------------------------------------------------------------------------------------


def catalog(spec: CatalogSpec, names: Mapping[str, str], place: Placing, faults: Faults) -> Catalog:
    """Return a catalogue as it is looked up. `names`: other words for providers -> as telemetry names them."""
    found: dict[str, dict[str, Price]] = {}
    for provider, prices in spec.providers.items():
        models = found.setdefault(names.get(provider.lower(), provider), {})
        for model, price in prices.models.items():
            where: tuple[str, ...] = ("providers", provider, "models", model)
            rates = _rates(price.rates, place, (*where, "rates"), faults)
            tiers = tuple(
                Tier(tier.context_over, _rates(tier.rates, place, (*where, "tiers", at, "rates"), faults))
                for at, tier in enumerate(price.tiers)
            )
            models[model.lower()] = Price(rates, tiers)
    return found


def provider_names(registry: Registry) -> Mapping[str, str]:
    """Return the words for providers in configuration, in lower case, and how telemetry names them."""
    found: dict[str, str] = {}
    for name in registry.ids("provider"):
        provider = registry.get(name, Provider)
        found |= dict.fromkeys((word.lower() for word in (provider.key, *provider.aliases)), provider.telemetry_name)
    return found


def catalog_file(source: Source, names: Mapping[str, str], faults: Faults) -> Catalog:
    """Return the catalogue of a file, in JSON or YAML; it may have what ours has beside the prices."""
    found = []
    for document in read(source, faults):
        spec = decode(document, ShippedCatalog, faults)
        if spec is not None:
            found.append(catalog(spec, names, document.place, faults))
    return merged(found)


def shipped(data: bytes) -> Catalog:
    """Read the catalogue that is shipped (`sluice/data/prices.json`). It is ours, and tested."""
    faults = Faults()
    return catalog(msgspec.json.decode(data, type=ShippedCatalog), {}, lambda *_: Place("prices.json", 0, ""), faults)


def _rates(spec: RatesSpec, place: Placing, path: tuple[str | int, ...], faults: Faults) -> Rates:
    found: dict[str, int] = {}
    for field in fields_of(spec):
        text = getattr(spec, field.name)
        if text is not None:
            try:
                found[field.name] = rate(text)
            except ValueError as error:
                faults.add(place(*path, field.encode_name), str(error))
    return Rates(**found)


# -- the ledger -------------------------------------------------------------------------------------------------------


def database(spec: DatabaseSpec | None, place: Placing, faults: Faults) -> LedgerUrl | None:
    """Return where the ledger is kept; None = nobody says."""
    if spec is None:
        return None
    try:
        return ledger_url(spec.url)
    except ValueError as error:
        faults.add(place("url"), str(error))
        return None
