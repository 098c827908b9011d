"""How full a budget is: as its last request found it, and no longer than its period."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice.chat.usage import Usage
from sluice.errors import BudgetExceeded
from sluice.gateway.money_ports import Claim
from sluice.gateway.money_used import BudgetsUsed
from sluice.policies.scene import Scene

from .money import budget, ended, till

NOON = datetime(2026, 11, 21, 12, 30, tzinfo=UTC).timestamp()


def of(key: str, ends: int = 100) -> Claim:
    return Claim(counter=f"{key}:{ends}", ends=ends, amount=10, reserve=1)


async def test_what_was_spent_and_reserved_before_is_told_until_the_period_ends(tmp_path: Path) -> None:
    now = NOON
    tokens = budget(1000, unit="tokens", period="Hour")
    async with till(tmp_path, wall=lambda: now) as it:
        held = await it.admit(tokens, prompt=100, bound=700)
        assert it.money.used.shares() == {"b": 0.0}
        second = await it.admit(tokens, prompt=100, bound=50)
        assert it.money.used.shares() == {"b": 0.8}  # what the first has reserved
        held.settle(ended(usage=Usage(input_tokens=100, output_tokens=0)))
        second.settle(ended(usage=Usage(input_tokens=800, output_tokens=100)))
        with pytest.raises(BudgetExceeded):
            await it.admit(tokens)
        assert it.money.used.shares() == {"b": 1.0}
        now += 1800
        assert it.money.used.shares() == {}


async def test_own_budgets_of_keys_are_not_told(tmp_path: Path) -> None:
    class Keys:
        def budgets(self, principal: object) -> tuple[object, ...]:
            return (budget(id="own", name="key one"),)

    async with till(tmp_path, keys=Keys()) as it:  # type: ignore[arg-type]
        await it.admit(budget(), scene=Scene())
        assert list(it.money.used.shares()) == ["b"]


def test_of_the_values_of_a_key_the_fullest_is_told_and_may_fall_again() -> None:
    now = 0.0
    used = BudgetsUsed(lambda: now)
    keyed = budget(10)
    for key, spent, told in (("a", 2, 0.2), ("b", 7, 0.7), ("a", 3, 0.7), ("b", 5, 0.5), ("a", 6, 0.6)):
        used.note(keyed, of(key), spent)
        assert used.shares() == {"b": told}
    used.note(keyed, of("c", 200), 1)  # a new period begins with whoever asks first
    assert used.shares() == {"b": 0.1}
    used.note(budget(10, id="other"), of("d", 200), 4)
    assert used.shares() == {"b": 0.4}  # two of one name: the fuller
    now = 200.0
    assert used.shares() == {}


def test_a_budget_of_nothing_is_spent() -> None:
    used = BudgetsUsed(lambda: 0.0)
    used.note(budget(0), of("a"), 0)
    assert used.shares() == {"b": 1.0}
