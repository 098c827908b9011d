"""Where the process keeps what outlives it: the ledger, and the store that all replicas share.

PURE. The environment says it for every form of configuration and wins over a file, as it does for addresses. A ledger
in a Redis is the shared store too, unless another one is named. A value is never quoted: it may hold a password.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from sluice.config.faults import Faults, Place
from sluice.config.ledger_url import ledger_url
from sluice.config.plan import Plan
from sluice.config.store_url import RedisUrl, redis_url

DATABASE = "SLUICE_DATABASE"
"""Of the ledger."""
STORE = "SLUICE_STORE"
"""Of what replicas count together: a Redis."""

T = TypeVar("T")


def stored(plan: Plan, env: Mapping[str, str], faults: Faults) -> Plan:
    """Return the plan with what the environment says of its stores, and a note where one is missing."""
    ledger = _read(DATABASE, env, ledger_url, faults) or plan.ledger
    store = _read(STORE, env, redis_url, faults) or plan.store or (ledger if isinstance(ledger, RedisUrl) else None)
    notes = plan.notes
    if ledger is None and any(entry.rule.budgets for listener in plan.listeners for entry in listener.entries):
        notes = (*notes, f"There are budgets, and the ledger is a file of this user; {DATABASE} names another one.")
    return msgspec.structs.replace(plan, ledger=ledger, store=store, notes=notes)


def _read(name: str, env: Mapping[str, str], read: Callable[[str], T], faults: Faults) -> T | None:
    text = env.get(name, "").strip()
    try:
        return read(text) if text else None
    except ValueError as error:
        faults.add(Place("environment", path=name), str(error))
        return None
