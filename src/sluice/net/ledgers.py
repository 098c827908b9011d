"""Where this process writes down money: what its plan says, else its environment, else a file of its user's."""

from collections.abc import Mapping
from pathlib import Path

from sluice.config.ledger_url import LedgerUrl, SqliteUrl, ledger_url
from sluice.config.plan import Plan
from sluice.errors import ConfigError

VARIABLE = "SLUICE_DATABASE"


def ledger_of(plan: Plan, env: Mapping[str, str]) -> LedgerUrl | None:
    """Return the address of the ledger; None = nobody has asked for one. Budgets do: theirs is
    `$XDG_STATE_HOME/sluice/ledger.db` if nothing else is said, and its folder is made.

    Raises:
        ConfigError: the environment names none, or the folder cannot be made.
    """
    if plan.ledger is not None:
        return plan.ledger
    if text := env.get(VARIABLE, "").strip():
        try:
            return ledger_url(text)
        except ValueError as error:
            raise ConfigError(f"{VARIABLE}: {error}") from None
    if not any(entry.rule.budgets for listener in plan.listeners for entry in listener.entries):
        return None
    state = env.get("XDG_STATE_HOME", "") or str(Path(env.get("HOME", "/")) / ".local" / "state")
    folder = Path(state) / "sluice"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the folder of the ledger cannot be made: {error.strerror}; set {VARIABLE}") from None
    return SqliteUrl(path=str(folder / "ledger.db"))
