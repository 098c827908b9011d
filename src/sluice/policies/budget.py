"""How much a calendar period may cost: budgets, the periods they count in, and what a request reserves.

A request is admitted while what is spent and what others have reserved is less than the budget; it then reserves what
it may come to, and pays in the end what it came to. So a budget is passed by one request's reservation at most, by
nothing where a stream alone ends as soon as what was left is used up.
Obeys: stream-life 7 and 9.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec

from sluice.chat.usage import Usage
from sluice.policies.cost import Price, cost

Period = Literal["Hour", "Day", "Month"]
Unit = Literal["usd", "tokens"]

NANO = 1000
"""Picodollars of a nanodollar, the unit of budgets: all stores can add those up without losing one."""
NANOS_PER_USD = 10**9
UNBOUNDED_OUTPUT = 4096
"""Tokens of an answer that are reserved where the request names no bound."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What each value of `key` may spend in each period."""

    id: str
    """The same for all processes and over restarts; another one if what is counted changes, but not if only the amount
    does."""
    name: str
    key: str = ""
    """CEL. Empty = all share one; those for whom it fails too."""
    amount: int
    """Nanodollars, or tokens."""
    unit: Unit = "usd"
    period: Period = "Month"
    blocks: bool = True
    """A request beyond it is refused; otherwise only noted."""
    cuts: bool = False
    """A stream ends when it has used what was left as it came."""
    needs_price: bool = False
    """A model without a price is refused; otherwise it counts as free."""


class Span(msgspec.Struct, frozen=True):
    """One period, in seconds since 1970, UTC."""

    start: int
    end: int


def span(period: Period, now: float) -> Span:
    """Return the calendar period that a moment lies in."""
    at = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
    if period == "Hour":
        return Span(_seconds(at), _seconds(at) + 3600)
    at = at.replace(hour=0)
    if period == "Day":
        return Span(_seconds(at), _seconds(at) + 86400)
    first = at.replace(day=1)
    after = first.replace(year=first.year + 1, month=1) if first.month == 12 else first.replace(month=first.month + 1)
    return Span(_seconds(first), _seconds(after))


def reserve(prompt_tokens: int, bound: int | None, choices: int = 1) -> Usage:
    """Return what a request may use. `bound`: of all its answers together; None = it names none. What others have
    reserved is never made less by it."""
    output = UNBOUNDED_OUTPUT * choices if bound is None else bound
    return Usage(input_tokens=max(0, prompt_tokens), output_tokens=max(0, output))


def amount(unit: Unit, tokens: int, picos: int) -> int:
    """Return tokens or money as a budget counts them; of money a part of a nanodollar counts as a whole one."""
    return max(0, tokens if unit == "tokens" else -(-picos // NANO))


def tokens_left(unit: Unit, left: int, prompt_tokens: int, price: Price) -> int | None:
    """Return how many tokens of an answer what is left pays for, beside the prompt; None = they cost nothing."""
    if unit == "tokens":
        return max(0, left - prompt_tokens)
    rates = price.of(prompt_tokens)
    each = max(rates.output or 0, rates.reasoning or 0)
    if not each:
        return None
    spent = cost(Usage(input_tokens=prompt_tokens), price).total
    return max(0, (left * NANO - spent) // each)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
