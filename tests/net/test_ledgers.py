"""net.ledgers: where money is written down."""

from pathlib import Path

import msgspec
import pytest

from sluice.config.ledger_url import SqliteUrl
from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.net.ledgers import VARIABLE, ledger_of
from sluice.policies.budget import Budget
from tests.support.plans import ai, plan, route


def budgeted() -> Plan:
    entry = route("/openai", ai(1))
    budget = Budget(id="b", name="b", unit="tokens", amount=1, period="Day")
    return plan(msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, budgets=(budget,))))


def test_without_budgets_nobody_keeps_books() -> None:
    assert ledger_of(plan(route("/openai", ai(1))), {}) is None


def test_budgets_have_a_file_of_their_users(tmp_path: Path) -> None:
    assert ledger_of(budgeted(), {"XDG_STATE_HOME": str(tmp_path)}) == SqliteUrl(
        path=str(tmp_path / "sluice" / "ledger.db")
    )
    assert (tmp_path / "sluice").is_dir()


def test_the_plan_goes_before_the_environment(tmp_path: Path) -> None:
    env = {VARIABLE: f"sqlite://{tmp_path}/other.db"}
    assert ledger_of(budgeted(), env) == SqliteUrl(path=f"{tmp_path}/other.db")
    said = msgspec.structs.replace(budgeted(), ledger=SqliteUrl(path="mine.db"))
    assert ledger_of(said, env) == SqliteUrl(path="mine.db")


def test_a_wrong_address_says_where_it_stands_and_not_what_it_is() -> None:
    with pytest.raises(ConfigError, match=VARIABLE) as caught:
        ledger_of(plan(), {VARIABLE: "mongodb://user:secret@host"})
    assert "secret" not in str(caught.value)
