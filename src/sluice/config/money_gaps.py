"""Models of which a budget in USD sees nothing, for they have no price: named before the first request, not after.

PURE. A model that only clients name cannot be named here; `cost_catalog_lookups_total{status="Missing"}` counts those.
"""

from collections.abc import Iterable, Iterator

from sluice.config.plan import AiBackend, Entry, Plan
from sluice.policies.cost import Catalog, Prices

MOST_NAMED = 20


def counts_money(plan: Plan) -> bool:
    """Whether there is a budget in USD."""
    return any(budget.unit == "usd" for entry in _entries(plan) for budget in entry.rule.budgets)


def gaps(plan: Plan, prices: Prices) -> tuple[str, ...]:
    """Return sentences for the banner and the log."""
    free: dict[str, None] = {}
    refused: dict[str, None] = {}
    for entry in _entries(plan):
        budgets = [budget for budget in entry.rule.budgets if budget.unit == "usd"]
        if not budgets:
            continue
        found = refused if any(budget.needs_price for budget in budgets) else free
        for provider, model in _asked(plan, entry):
            if prices.find(provider, model)[0] != "Exact":
                found[f"{provider}/{model}"] = None
    notes = []
    if free:
        notes.append(
            f"Budgets in USD count these models as free, for they have no price: {_named(free)}. "
            "Give them one in `config.modelCatalog`, or refuse them with `unpriced: Block`."
        )
    if refused:
        notes.append(f"Budgets with `unpriced: Block` refuse these models, for they have no price: {_named(refused)}.")
    return tuple(notes)


def unused(plan: Plan, catalog: Catalog, known: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence about prices that nobody will look up. `known`: the providers that there are."""
    backends = [weighted.backend for entry in _entries(plan) for weighted in entry.rule.backends]
    backends += [route.backend for route in plan.models]
    backends += [alternative.backend for route in plan.models for alternative in route.alternatives]
    groups = [group for backend in backends if isinstance(backend, AiBackend) for group in backend.groups]
    here = {target.provider.telemetry_name for group in groups for target in group}
    names = sorted(set(catalog) - here - set(known))
    return (f"`config.modelCatalog` has prices of providers that there are not: {', '.join(names)}.",) if names else ()


def _entries(plan: Plan) -> Iterator[Entry]:
    for listener in plan.listeners:
        yield from listener.entries


def _asked(plan: Plan, entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield provider and model of each target behind an entry, as far as the configuration names its model."""
    for weighted in entry.rule.backends:
        if isinstance(weighted.backend, AiBackend):
            yield from _of(weighted.backend)
    for route in plan.models if entry.answer == "by_model" else ():
        name = "" if "*" in route.pattern else route.pattern
        if route.backend is not None:
            yield from _of(route.backend, name)
        for alternative in route.alternatives:
            yield from _of(alternative.backend)


def _of(backend: AiBackend, name: str = "") -> Iterator[tuple[str, str]]:
    for group in backend.groups:
        for target in group:
            if model := target.model or name:
                yield target.provider.telemetry_name, model


def _named(found: dict[str, None]) -> str:
    names = list(found)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
