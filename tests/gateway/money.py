"""A gateway's money for tests: a real ledger in a file, prices, and exchanges that come to something."""

import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sluice.chat.usage import Usage
from sluice.gateway.money import Ask, Held, KeyBudgets, Money
from sluice.policies.budget import NANOS_PER_USD, Budget
from sluice.policies.charge import Answered
from sluice.policies.cost import Price, Prices, Rates, rate
from sluice.policies.principal import NOBODY, Principal
from sluice.policies.scene import Scene
from sluice.stores.ledger_sqlite import SqliteLedger

PRICES = Prices({"p": {"m": Price(Rates(input=rate("1"), output=rate("10")))}})
IDS = itertools.count()


def budget(amount: int = NANOS_PER_USD, **said: object) -> Budget:
    return Budget(**{"id": "b", "name": "b", "amount": amount, **said})  # type: ignore[arg-type]


def ask(prompt: int = 100, bound: int | None = 1000, **said: object) -> Ask:
    facts = {
        "request_id": "r",
        "route": "default/r",
        "provider": "p",
        "model": "m",
        "bound": bound,
        "prices": PRICES,
        **said,
    }
    return Ask(prompt_tokens=lambda: prompt, **facts)  # type: ignore[arg-type]


def ended(outcome: str = "completed", usage: Usage | None = None, tokens: int = 0, **said: object) -> Answered:
    facts = {"asked": True, "provider": "p", "model": "m", "asked_model": "m", "streaming": True, **said}
    return Answered(outcome=outcome, usage=usage, streamed=tokens, **facts)  # type: ignore[arg-type]


class Till:
    """Money with a ledger."""

    def __init__(self, ledger: SqliteLedger, wall: Callable[[], float], keys: KeyBudgets | None) -> None:
        self.ledger, self.said = ledger, list[str]()
        self.money = Money(
            ledger=ledger,
            wall=wall,
            new_id=lambda: f"{time.time_ns()}-{next(IDS)}",
            keys=keys,
            failed=self.said.append,
        )

    async def admit(self, *budgets: Budget, by: Principal = NOBODY, scene: Scene | None = None, **said: object) -> Held:
        return await self.money.admit(budgets, scene or Scene(), by, ask(**said))  # type: ignore[arg-type]

    async def cost(self) -> int:
        """Picodollars of all rows, open ones as reserved."""
        return sum(each.cost for each in await self.ledger.spend("model", 0, 4e9))


@contextlib.asynccontextmanager
async def till(
    folder: Path, wall: Callable[[], float] = time.time, keys: KeyBudgets | None = None
) -> AsyncIterator[Till]:
    ledger = SqliteLedger(str(folder / "ledger.db"), wall=wall)
    await ledger.open()
    try:
        yield Till(ledger, wall, keys)
    finally:
        await ledger.close()
