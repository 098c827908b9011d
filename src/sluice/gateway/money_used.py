"""How full budgets are, for metrics.

PURE but for the clock it is given. A number is what the ledger said when a request was admitted last: what all
processes had spent and reserved by then. A budget that counts its key's values apart is as full as the fullest of them.
"""

from collections.abc import Callable

import msgspec

from sluice.gateway.money_ports import Claim
from sluice.policies.budget import Budget


class _Used(msgspec.Struct, frozen=True):
    name: str
    counter: str
    ends: int
    share: float


class BudgetsUsed:
    """One per process; one entry a budget, however many values its key has."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._of: dict[str, _Used] = {}

    def note(self, budget: Budget, claim: Claim, used: int) -> None:
        """Take note of what was spent and reserved of a budget, in its unit, before the request that claims now."""
        share, before = used / budget.amount if budget.amount else 1.0, self._of.get(budget.id)
        if before is None or claim.counter == before.counter or claim.ends > before.ends or share >= before.share:
            self._of[budget.id] = _Used(budget.name, claim.counter, claim.ends, share)

    def shares(self) -> dict[str, float]:
        """Return how full each budget is, by its name, 1 = spent; without those that nobody asked in this period."""
        now = self._wall()
        self._of = {key: used for key, used in self._of.items() if used.ends > now}
        shares: dict[str, float] = {}
        for used in self._of.values():
            shares[used.name] = max(used.share, shares.get(used.name, 0.0))
        return shares
