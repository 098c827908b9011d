"""The tables of a ledger, and what is asked of them, as SQLite says it; PostgreSQL says it in `ledger_postgres`.

`opened` and `settled` are only ever added to. `pending` names the rows that are open and whose they are, `spent` is
what each budget has used in each period.
"""

import sqlite3

import msgspec

from sluice.gateway.money_ports import DEAD_S, GROUPS, LOST, Opened, Settled, VirtualKey

VERSION = 1

OPENED = (
    *("id", "at", "request_id", "principal", "key_id", "team", "route", "provider", "model"),
    *("input_tokens", "output_tokens", "cost"),
)
SETTLED = (
    *("id", "at", "provider", "model", "input_tokens", "output_tokens"),
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost", "provenance", "outcome"),
)
KEY = (
    *("id", "digest", "name", "team", "metadata", "allowed_models"),
    *("budget_unit", "budget_amount", "budget_period", "created_at", "revoked_at"),
)

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS opened (
        id TEXT PRIMARY KEY, at REAL NOT NULL, request_id TEXT NOT NULL, principal TEXT NOT NULL, key_id TEXT NOT NULL,
        team TEXT NOT NULL, route TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS opened_at ON opened (at)",
    """CREATE TABLE IF NOT EXISTS settled (
        id TEXT PRIMARY KEY, at REAL NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
        cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, cost INTEGER NOT NULL,
        provenance TEXT NOT NULL, outcome TEXT NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS pending (id TEXT PRIMARY KEY, owner TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS spent (counter TEXT PRIMARY KEY, ends INTEGER NOT NULL, amount INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS owners (owner TEXT PRIMARY KEY, seen REAL NOT NULL)",
    """CREATE TABLE IF NOT EXISTS keys (
        id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, name TEXT NOT NULL, team TEXT NOT NULL,
        metadata TEXT NOT NULL, allowed_models TEXT NOT NULL, budget_unit TEXT NOT NULL, budget_amount INTEGER NOT NULL,
        budget_period TEXT NOT NULL, created_at REAL NOT NULL, revoked_at REAL)""",
)

OPEN = f"INSERT INTO opened ({', '.join(OPENED)}) VALUES ({', '.join('?' * len(OPENED))})"  # noqa: S608 - no values
SETTLE = f"INSERT INTO settled ({', '.join(SETTLED)}) VALUES ({', '.join('?' * len(SETTLED))})"  # noqa: S608 - no values
PEND = "INSERT INTO pending (id, owner) VALUES (?, ?)"
UNPEND = "DELETE FROM pending WHERE id = ?"
USED = "SELECT amount FROM spent WHERE counter = ?"
RESERVE = """INSERT INTO spent (counter, ends, amount) VALUES (?, ?, ?)
    ON CONFLICT (counter) DO UPDATE SET amount = amount + excluded.amount"""
CHANGE = "UPDATE spent SET amount = max(0, amount + ?) WHERE counter = ?"

BEAT = "INSERT INTO owners (owner, seen) VALUES (?, ?) ON CONFLICT (owner) DO UPDATE SET seen = excluded.seen"
FORGET_OWNER = "DELETE FROM owners WHERE owner = ?"
_DEAD = "SELECT id FROM pending WHERE owner NOT IN (SELECT owner FROM owners WHERE seen >= ?)"
_LOST = f"""INSERT OR IGNORE INTO settled
    SELECT id, ?, provider, model, input_tokens, output_tokens, 0, 0, 0, cost, 'estimated', '{LOST}'
    FROM opened WHERE id IN ({_DEAD})"""  # noqa: S608 - our own words
_UNPEND_DEAD = f"DELETE FROM pending WHERE id IN ({_DEAD})"  # noqa: S608 - no values

KEYS = f"SELECT {', '.join(KEY)} FROM keys ORDER BY created_at, id"  # noqa: S608 - no values
KEYS_VERSION = "SELECT count(*) + count(revoked_at) FROM keys"  # keys are never deleted
ADD_KEY = f"INSERT INTO keys ({', '.join(KEY)}) VALUES ({', '.join('?' * len(KEY))})"  # noqa: S608 - no values
REVOKE_KEY = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"

SPEND = """SELECT {group}, count(*), count(*) - count(s.id),
    sum(coalesce(s.input_tokens, o.input_tokens)), sum(coalesce(s.output_tokens, o.output_tokens)),
    sum(coalesce(s.cost, o.cost)) AS total
    FROM opened o LEFT JOIN settled s ON s.id = o.id WHERE o.at >= {since} AND o.at < {until}
    GROUP BY 1 ORDER BY total DESC, 1"""


def sweep(db: sqlite3.Connection, now: float) -> None:
    """Settle the open rows of processes that died, as what they had reserved, and forget counters that nobody asks
    for."""
    alive = now - DEAD_S
    db.execute(_LOST, (now, alive))
    db.execute(_UNPEND_DEAD, (alive,))
    db.execute("DELETE FROM owners WHERE seen < ?", (alive,))
    db.execute("DELETE FROM spent WHERE ends < ?", (now - 2 * 86400,))  # what began in a period may end after it


def spend(by: str) -> str:
    """Return the question after what was spent, grouped."""
    assert by in GROUPS
    group = {
        "day": "date(o.at, 'unixepoch')",
        "provider": "coalesce(nullif(s.provider, ''), o.provider)",
        "model": "coalesce(nullif(s.model, ''), o.model)",
    }.get(by, f"o.{by}")
    return SPEND.format(group=group, since="?", until="?")


def opened_row(opened: Opened) -> tuple[object, ...]:
    return tuple(getattr(opened, name) for name in OPENED)


def settled_row(settled: Settled) -> tuple[object, ...]:
    return tuple(getattr(settled, name) for name in SETTLED)


def row_of(key: VirtualKey) -> tuple[object, ...]:
    """Return a key as it is kept."""
    texts = {
        "metadata": msgspec.json.encode(key.metadata).decode(),
        "allowed_models": msgspec.json.encode(key.allowed_models).decode(),
    }
    return tuple(texts.get(name, getattr(key, name)) for name in KEY)


def key_of(row: tuple[object, ...]) -> VirtualKey:
    found = dict(zip(KEY, row, strict=True))
    for name in ("metadata", "allowed_models"):
        found[name] = msgspec.json.decode(str(found[name]))
    return msgspec.convert(found, VirtualKey, builtin_types=(bytes,))
