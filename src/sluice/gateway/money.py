"""The money of an exchange: reserved when it is admitted, written down, settled when it is over.

    admit ── who pays, what may it come to ──► ledger: one step ──► Held ── the exchange ──► settle ──► CostFacts
                                                  └── spent: 429 until the period ends

Guarantee: a row is begun before a provider is asked, and settled exactly once, whatever becomes of the exchange.
Obeys: stream-life 7 and 9.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import Protocol

import msgspec

from sluice.chat.usage import Usage
from sluice.errors import BudgetExceeded, Forbidden, PolicyUnavailable
from sluice.gateway.limits_keys import bucket_key, text_of
from sluice.gateway.money_ports import Claim, Ledger, LedgerGone, Opened, Settled
from sluice.gateway.money_used import BudgetsUsed
from sluice.policies.budget import Budget, Span, amount, reserve, span, tokens_left
from sluice.policies.charge import Answered, Charge, CostFacts, charged
from sluice.policies.cost import Cost, Prices
from sluice.policies.principal import Principal
from sluice.policies.scene import Scene
from sluice.relay.record import UNKNOWN

REASON = "Budget"
MAX_TEXT = 256
"""Characters of a name in the ledger: some are the client's."""
MOST = 1 << 53
"""What a ledger writes of one exchange at most, tokens or picodollars: thousands of them can still be added up."""
MOST_CLAIMED = 1 << 52
"""What an exchange counts in a budget at most: more than any budget, and what all stores can still add up."""
MOST_RESERVED = 1 << 31
"""Tokens of a bound that are believed: clients make it up."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks of a model."""

    request_id: str
    route: str = ""
    provider: str = ""
    """Of the target that is asked first, as telemetry names it."""
    model: str = ""
    """As that target is asked for it."""
    prices: Prices
    """Of the plan that its exchange began with: by these it is reserved, and by these it is paid."""
    prompt_tokens: Callable[[], int]
    """The estimate of its prompt; counted once, if somebody wants to know."""
    bound: int | None = None
    """Tokens that all its answers together may have; None = it does not say."""
    choices: int = 1
    """Answers that it asks for."""
    may_ask: Callable[[], Iterable[tuple[str, str]]] = tuple
    """Provider and model of every target that may be asked. Called if a budget wants to know."""


class KeyBudgets(Protocol):
    """Budgets that belong to a key, wherever it is used."""

    def budgets(self, principal: Principal) -> tuple[Budget, ...]: ...


class Held:
    """What one exchange has reserved. Call `settle` when it is over: exactly once, a second call changes nothing."""

    __slots__ = ("_ask", "_claims", "_facts", "_id", "_money", "over", "tokens_left")

    def __init__(self, money: "Money", ask: Ask) -> None:
        self._money, self._ask = money, ask
        self._id = ""
        """Of its row; empty = there is none."""
        self._claims: tuple[tuple[Budget, Claim], ...] = ()
        self._facts: CostFacts | None = None
        self.over: tuple[str, ...] = ()
        """Budgets with `onExceeded: Audit` that are spent."""
        self.tokens_left: int | None = None
        """Tokens of an answer that the budgets which cut streams still pay for; None = as many as it likes."""

    @property
    def prompt(self) -> int:
        return self._ask.prompt_tokens()

    def begun(self, row: str, claims: Sequence[tuple[Budget, Claim]]) -> None:
        self._id, self._claims = row, tuple(claims)

    def settle(self, answered: Answered) -> CostFacts:
        """The exchange is over: write down what it came to, and return that for its record."""
        if self._facts is None:
            self._facts = self._money.settled(self._id, self._claims, answered, self.over, self._ask)
        return self._facts


class Money:
    """One per process."""

    def __init__(
        self,
        *,
        ledger: Ledger | None,
        wall: Callable[[], float],
        new_id: Callable[[], str],
        keys: KeyBudgets | None = None,
        failed: Callable[[str], None] = lambda why: None,
    ) -> None:
        """`ledger` None = nothing is written down, and there are no budgets. `new_id`: a text that is never said twice.
        `failed` hears, in a sentence, that an exchange without budgets could not be written down."""
        self.used = BudgetsUsed(wall)
        """Those of policies; a virtual key's own is not among them, for there may be any number of keys."""
        self._ledger, self._wall, self._new_id = ledger, wall, new_id
        self._keys, self._failed = keys, failed

    @property
    def keeps_books(self) -> bool:
        """Every exchange with a model is written down, whatever policies it has."""
        return self._ledger is not None

    def has_own_budget(self, principal: Principal) -> bool:
        """Return whether somebody has a budget of their own, that of a virtual key."""
        return self._keys is not None and bool(self._keys.budgets(principal))

    async def admit(self, budgets: Sequence[Budget], scene: Scene, principal: Principal, ask: Ask) -> Held:
        """Reserve what a request may come to, and begin its row. The caller owes `Held.settle`.

        Raises:
            BudgetExceeded: a budget is spent; with the time when its period ends.
            Forbidden: a budget asks for a price, and a target that may be asked has none.
            PolicyUnavailable: it has a budget, and the ledger cannot be asked.
        """
        held = Held(self, ask)
        _check_prices(budgets, ask)
        own = self._keys.budgets(principal) if self._keys is not None else ()
        if self._ledger is None:
            if budgets or own:
                raise PolicyUnavailable("budgets cannot be checked", reason=REASON, detail="there is no ledger")
            return held
        now = self._wall()
        bound = None if ask.bound is None else min(ask.bound, MOST_RESERVED)
        may_use = reserve(held.prompt, bound, ask.choices)
        cost = ask.prices.cost(may_use, ask.provider, ask.model)
        claims = [self._claim(budget, scene, now, may_use, cost) for budget in (*budgets, *own)]
        row = self._opened(principal, ask, may_use, cost, now)
        try:
            admission = await self._ledger.admit(row, [claim for _, claim, _ in claims])
        except LedgerGone as error:
            if any(budget.blocks for budget, _, _ in claims):
                raise PolicyUnavailable("budgets cannot be checked", reason=REASON, detail=str(error)) from error
            self._failed(f"an exchange is not in the ledger: {error}")
            return held
        used = list(zip(claims, admission.used, strict=True))
        for (budget, claim, _), was in used[: len(budgets)]:
            self.used.note(budget, claim, was)
        if not admission.admitted:
            raise _refusal([(b, period) for (b, _, period), was in used if b.blocks and was >= b.amount], now)
        held.begun(row.id, [(budget, claim) for budget, claim, _ in claims])
        held.over = tuple(b.name for (b, _, _), was in used if not b.blocks and was >= b.amount)
        price = ask.prices.find(ask.provider, ask.model)[1]
        lefts = [tokens_left(b.unit, b.amount - was, held.prompt, price) for (b, _, _), was in used if b.cuts]
        held.tokens_left = min((left for left in lefts if left is not None), default=None)
        return held

    def settled(
        self,
        row: str,
        claims: Sequence[tuple[Budget, Claim]],
        answered: Answered,
        over: tuple[str, ...],
        ask: Ask,
    ) -> CostFacts:
        """For `Held`."""
        charge, cost = _charged(answered, ask.prices, ask.prompt_tokens)
        if row and self._ledger is not None:
            self._ledger.settle(self._row(row, claims, answered, charge, cost))
        return CostFacts(cost=cost, provenance=charge.provenance, usage=charge.usage, over=over)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _claim(
        self, budget: Budget, scene: Scene, now: float, may_use: Usage, cost: Cost
    ) -> tuple[Budget, Claim, Span]:
        value = (text_of(budget.key, scene) or "") if budget.key else ""
        period = span(budget.period, now)
        who = bucket_key(budget.id, [value]).hex()
        claim = Claim(
            counter=f"{who}:{period.start}",
            ends=period.end,
            amount=budget.amount,
            reserve=min(MOST_CLAIMED, amount(budget.unit, may_use.total_tokens, cost.total)),
            blocks=budget.blocks,
        )
        return budget, claim, period

    def _opened(self, principal: Principal, ask: Ask, may_use: Usage, cost: Cost, now: float) -> Opened:
        team = principal.metadata.get("team", principal.claims.get("team", ""))
        return Opened(
            id=self._new_id(),
            at=now,
            request_id=_text(ask.request_id),
            principal="" if principal.kind == "nobody" else _text(f"{principal.kind}:{principal.id}"),
            key_id=_text(principal.id) if principal.kind == "api_key" else "",
            team=_text(team) if isinstance(team, str) else "",
            route=_text(ask.route),
            provider=ask.provider,
            model=_text(ask.model),
            input_tokens=_bounded(may_use.input_tokens),
            output_tokens=_bounded(may_use.output_tokens),
            cost=_bounded(cost.total),
        )

    def _row(
        self, row: str, claims: Sequence[tuple[Budget, Claim]], answered: Answered, charge: Charge, cost: Cost
    ) -> Settled:
        usage = charge.usage
        return Settled(
            id=row,
            at=self._wall(),
            provider="" if answered.provider == UNKNOWN else answered.provider,
            model=_text(answered.model),
            input_tokens=_bounded(usage.input_tokens),
            output_tokens=_bounded(usage.output_tokens),
            cache_read_tokens=_bounded(usage.cache_read_tokens),
            cache_write_tokens=_bounded(usage.cache_write_tokens),
            reasoning_tokens=_bounded(usage.reasoning_tokens),
            cost=_bounded(cost.total),
            provenance=charge.provenance,
            outcome=answered.outcome,
            changes=tuple(
                (claim.counter, min(MOST_CLAIMED, amount(budget.unit, usage.total_tokens, cost.total)) - claim.reserve)
                for budget, claim in claims
            ),
        )


def priced(answered: Answered, prices: Prices) -> CostFacts:
    """Return the money of an exchange that was never admitted."""
    charge, cost = _charged(answered, prices, lambda: 0)
    return CostFacts(cost=cost, provenance=charge.provenance, usage=charge.usage)


def _charged(answered: Answered, prices: Prices, prompt: Callable[[], int]) -> tuple[Charge, Cost]:
    """Return what is charged, and what that costs. `prompt`: the estimate of its tokens, where nobody has said them."""
    charge = charged(answered, prompt() if answered.usage is None or answered.outcome != "completed" else 0)
    if answered.cost is not None and charge.usage is answered.usage:
        return charge, answered.cost
    models = answered.model, answered.target_model, answered.asked_model
    return charge, prices.cost(charge.usage, answered.provider, *models)


def _check_prices(budgets: Sequence[Budget], ask: Ask) -> None:
    """
    Raises:
        Forbidden: as `Money.admit` does.
    """
    needing = next((budget for budget in budgets if budget.needs_price), None)
    for provider, model in () if needing is None else ask.may_ask():
        if needing is not None and ask.prices.find(provider, model)[0] != "Exact":
            raise _unpriced(needing, model)


def _refusal(spent: Sequence[tuple[Budget, Span]], now: float) -> BudgetExceeded:
    """The period that ends last decides: before that, the client would be refused again."""
    budget, period = max(spent, key=lambda each: each[1].end)
    return BudgetExceeded(f"budget exceeded: {budget.name}", retry_after_s=max(1, ceil(period.end - now)))


def _unpriced(budget: Budget, model: str) -> Forbidden:
    error = Forbidden(f"The budget {budget.name} is for models with a price, and {_text(model)} has none.")
    error.reason = REASON
    return error


def _bounded(count: int) -> int:
    return max(0, min(count, MOST))


def _text(name: str) -> str:
    return name[:MAX_TEXT].encode("utf-8", "replace").decode().replace("\0", "")
