"""Schema of what an operator says about money: price catalogues, budgets, and where the ledger is.

PURE. Obeys: compat-agentgateway 1.8 (`config.modelCatalog`, `config.database`), stream-life 9 (`budgets`).
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, Schema
from sluice.config.unserved import Ignored

Money = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
"""USD per million tokens, as a text: `"0.15"`. A number would be rounded before anybody sees it."""
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Address = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]

# -- prices -----------------------------------------------------------------------------------------------------------


class RatesSpec(Schema):
    input: Money | None = None
    output: Money | None = None
    cache_read: Money | None = None
    """Unset = as input."""
    cache_write: Money | None = None
    """Unset = as input."""
    reasoning: Money | None = None
    """Unset = as output."""
    input_audio: Money | None = None
    output_audio: Money | None = None


class TierSpec(Schema):
    """Rates of the whole request, where its input is longer; those it leaves out stay."""

    context_over: Annotated[int, msgspec.Meta(ge=1)]
    rates: RatesSpec


class ModelPrice(Schema):
    rates: RatesSpec = RatesSpec()
    tiers: tuple[TierSpec, ...] = ()

    def __post_init__(self) -> None:
        overs = [tier.context_over for tier in self.tiers]
        if overs != sorted(set(overs)):
            raise ValueError("each `contextOver` has to be greater than the one before")


class ProviderPrices(Schema):
    models: dict[Key, ModelPrice] = msgspec.field(default_factory=dict)


class CatalogSpec(Schema):
    """`{"providers": {"openai": {"models": {"gpt-4o-mini": {"rates": {"input": "0.15", "output": "0.6"}}}}}}`"""

    providers: dict[Key, ProviderPrices] = msgspec.field(default_factory=dict)


class ShippedCatalog(CatalogSpec):
    """Ours: it says too where its prices are from."""

    about: Ignored = None
    read: Ignored = None
    sources: Ignored = None


class CatalogSource(Schema):
    """One of a list; of several the later wins, model by model."""

    file: Address | None = None
    """JSON or YAML; relative to the working folder."""
    inline: CatalogSpec | None = None

    def __post_init__(self) -> None:
        if (self.file is None) == (self.inline is None):
            raise ValueError("`file` or `inline`: one of them")


# -- the ledger -------------------------------------------------------------------------------------------------------


class DatabaseSpec(Schema):
    """Where the ledger is kept."""

    url: Address
    """`sqlite:///var/lib/sluice/ledger.db`, `redis://…`, `rediss://…` or `postgresql://…`."""


# -- budgets ----------------------------------------------------------------------------------------------------------


class BudgetSpec(Schema, kw_only=True):
    """What may be spent in each calendar period, in UTC."""

    name: Key
    key: Expression | None = None
    """A budget for each value. Unset = one for all."""
    amount_usd: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] | Money | None = None
    tokens: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000_000)] | None = None
    """In and out."""
    period: Literal["Hour", "Day", "Month"]
    on_exceeded: Literal["Block", "Audit"] = "Block"
    """`Block`: 429 until the period ends. `Audit`: the request passes, and its record says so."""
    cut_stream: bool = False
    """A running stream is ended when it has used what the budget had left as it came."""
    unpriced: Literal["Allow", "Block"] | None = None
    """Models without a price, of which a budget in USD sees nothing. Unset = `Allow`: they count as free. `Block`: 403
    if any target that may be asked is one."""

    def __post_init__(self) -> None:
        if (self.amount_usd is None) == (self.tokens is None):
            raise ValueError("`amountUsd` or `tokens`: one of them")
        if self.cut_stream and self.on_exceeded == "Audit":
            raise ValueError("`cutStream` belongs to `onExceeded: Block`: a budget that audits ends nothing")
        if self.unpriced is not None and self.tokens is not None:
            raise ValueError("`unpriced` belongs to `amountUsd`: tokens are counted of every model")


class MoneySettings(Schema):
    """The part of `traffic` and of the short form's `policies` that is about money."""

    budgets: tuple[BudgetSpec, ...] | None = None
