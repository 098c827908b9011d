"""What an exchange costs: tokens by prices, exact to the last decimal.

Money is whole numbers of picodollars (10^-12 USD): a price has at most six decimals per million tokens, so one token of
it is a whole number of them and nothing is ever rounded. A price is looked up once for each pair of names.
Obeys: compat-agentgateway 1.8 (format, tiers, merging), labs C12 (words of the status) and 4.3 (input includes what was
cached, for every provider: each token is charged once, at the price of its kind).

Cost, measured on one core: 1 microsecond for an exchange whose model was seen before.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from sluice.chat.usage import Usage

USD = 10**12
"""Picodollars of a dollar."""
MAX_DECIMALS = 6
MAX_RATE = 1_000_000
"""USD per million tokens: beyond it somebody mistook the unit."""
MAX_KNOWN = 4096
"""Names that are kept with their price: clients choose some of them."""

Status = Literal["Exact", "Missing", "Unpriced", "NoCatalog"]


class Rates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Picodollars per token. None = no price of its own: cached input and audio then cost as input, reasoning and
    audio as output."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None


NO_RATES = Rates()


class Tier(msgspec.Struct, frozen=True):
    """Prices of the whole request, where its input is longer than `context_over` tokens; those it leaves out stay."""

    context_over: int
    rates: Rates


class Price(msgspec.Struct, frozen=True):
    """One model's. Tiers come in the order of their thresholds."""

    rates: Rates = NO_RATES
    tiers: tuple[Tier, ...] = ()

    def of(self, input_tokens: int) -> Rates:
        """Return the rates of a request with so much input."""
        found = next((tier for tier in reversed(self.tiers) if input_tokens > tier.context_over), None)
        return self.rates if found is None else _over(self.rates, found.rates)


Catalog = Mapping[str, Mapping[str, Price]]
"""Provider, as telemetry names it -> model -> its price."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Picodollars. The parts add up to `total`; what has no price of its own is in `input` or `output`."""

    status: Status = "NoCatalog"
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0

    @property
    def total(self) -> int:
        read, wrote, audio = self.cache_read, self.cache_write, self.input_audio + self.output_audio
        return self.input + self.output + read + wrote + self.reasoning + audio

    def members(self) -> dict[str, float]:
        """Return it in USD as the variable `llm.cost` has it."""
        return {
            "total": self.total / USD,
            "input": self.input / USD,
            "output": self.output / USD,
            "cacheRead": self.cache_read / USD,
            "cacheWrite": self.cache_write / USD,
            "reasoning": self.reasoning / USD,
            "inputAudio": self.input_audio / USD,
            "outputAudio": self.output_audio / USD,
        }


NO_COST = Cost()


class Prices:
    """The prices of one plan. `catalog` None = there is none."""

    __slots__ = ("_catalog", "_known")

    def __init__(self, catalog: Catalog | None) -> None:
        self._catalog = catalog
        self._known: dict[tuple[str, ...], tuple[Status, Price]] = {}

    def cost(self, usage: Usage, provider: str, *models: str) -> Cost:
        """Return what an exchange costs. `models`: its names, each for the case that the catalogue does not have those
        before it: as the provider calls what it answered with, as it was asked for, as the client did."""
        status, price = self.find(provider, *models)
        return cost(usage, price, status)

    def find(self, provider: str, *models: str) -> tuple[Status, Price]:
        """Return whether a model has a price, and which."""
        names = provider, *models
        known = self._known.get(names)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[names] = self._look_up(provider, models)
        return known

    def _look_up(self, provider: str, names: tuple[str, ...]) -> tuple[Status, Price]:
        if self._catalog is None:
            return "NoCatalog", Price()
        models = self._catalog.get(provider, {})
        for name in (form for each in names for form in forms(each)):
            price = models.get(name)
            if price is not None:
                priced = price.rates != NO_RATES or any(tier.rates != NO_RATES for tier in price.tiers)
                return ("Exact" if priced else "Unpriced"), price
        return "Missing", Price()


def cost(usage: Usage, price: Price, status: Status = "Exact") -> Cost:
    """Charge each token once: parts of the input and of the output that are told apart and have a price of their own at
    that, the rest as input and output."""
    if price.rates is NO_RATES and not price.tiers:
        return _NOTHING[status]
    rates = price.of(usage.input_tokens) if price.tiers else price.rates
    text, spoken = max(0, usage.input_tokens), max(0, usage.output_tokens)
    read = wrote = heard = thought = said = 0
    # Never more than the whole, nor less than nothing: what providers report does not always add up.
    if rates.cache_read is not None and (read := _part(usage.cache_read_tokens, text)):
        text -= read
    if rates.cache_write is not None and (wrote := _part(usage.cache_write_tokens, text)):
        text -= wrote
    if rates.input_audio is not None and (heard := _part(usage.input_audio_tokens, text)):
        text -= heard
    if rates.output_audio is not None and (said := _part(usage.output_audio_tokens, spoken)):
        spoken -= said
    if rates.reasoning is not None and (thought := _part(usage.reasoning_tokens, spoken)):
        spoken -= thought
    return Cost(
        status=status,
        input=text * (rates.input or 0),
        output=spoken * (rates.output or 0),
        cache_read=read * (rates.cache_read or 0),
        cache_write=wrote * (rates.cache_write or 0),
        reasoning=thought * (rates.reasoning or 0),
        input_audio=heard * (rates.input_audio or 0),
        output_audio=said * (rates.output_audio or 0),
    )


def _part(tokens: int, whole: int) -> int:
    return max(0, min(tokens, whole))


_NOTHING: Mapping[Status, Cost] = {
    status: Cost(status=status) for status in ("Exact", "Missing", "Unpriced", "NoCatalog")
}


# -- names ------------------------------------------------------------------------------------------------------------

_FORMS = (
    (re.compile(r"\A(ft:[^:]+):.*"), r"\1"),  # a tuned model: whose it is, and its number
    (re.compile(r"\A.*/"), ""),  # a resource's path, an address of a profile
    (re.compile(r"\A(?:us|eu|apac|global|us-gov|jp|au|ca|sa|me|af)\.(?=[a-z])"), ""),  # where it is served
    (re.compile(r"(?:-v[0-9]+)?:[0-9]+(?::[0-9a-z]+)?\Z|-v[0-9]+\Z"), ""),  # a version
    (re.compile(r"-preview(?:-[0-9]{2}-[0-9]{2,4})?\Z"), ""),
    (re.compile(r"[-@](?:[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{3,4}|latest|default)\Z"), ""),  # a date
    (re.compile(r"\A[a-z0-9-]+\.(?=[a-z])"), ""),  # whose model it is, before a dot
)


def forms(model: str) -> Iterator[str]:
    """Yield the names under which a model may stand in a catalogue, its own first, then without what says when it was
    made, which version it is, where it is served and by whom."""
    if not model:
        return
    name = model.lower()
    yield name
    for pattern, instead in _FORMS:
        shorter = pattern.sub(instead, name, count=1)
        if shorter and shorter != name:
            name = shorter
            yield name


# -- catalogues -------------------------------------------------------------------------------------------------------


def merged(catalogs: Iterable[Catalog]) -> Catalog:
    """Return many catalogues as one: of a model that stands in several the whole entry of the last."""
    found: dict[str, dict[str, Price]] = {}
    for catalog in catalogs:
        for provider, models in catalog.items():
            found.setdefault(provider, {}).update({name.lower(): price for name, price in models.items()})
    return found


def rate(text: str) -> int:
    """Read a price in USD per million tokens as picodollars per token.

    Raises:
        ValueError: it is none.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= MAX_RATE:
        raise ValueError('a price is USD per million tokens, as a text: "0.15"')
    picos = number * 10**MAX_DECIMALS
    if picos != int(picos):
        raise ValueError(f"a price has at most {MAX_DECIMALS} decimals")
    return int(picos)


def usd(picos: int) -> str:
    """Return an amount in USD, with all its decimals and no more: `0.000105`."""
    sign, whole, rest = "-" if picos < 0 else "", *divmod(abs(picos), USD)
    return f"{sign}{whole}.{rest:012d}".rstrip("0").removesuffix(".")


def _over(base: Rates, tier: Rates) -> Rates:
    said = {name: value for name, value in msgspec.structs.asdict(tier).items() if value is not None}
    return msgspec.structs.replace(base, **said)
