"""The store of runs at an address: which one keeps them. Each is imported only if it is the one.

memory:                             this process, as long as it lives
sqlite:///sluice.db                 a file in the working folder
sqlite:///var/lib/sluice/runs.db    a file, by its whole path
redis://host:6379/0                 and rediss:// over TLS
postgresql://user:password@host/db
"""

from collections.abc import Callable

from sluice.agents.ports import Store
from sluice.config.ledger_url import PostgresUrl, SqliteUrl, ledger_url
from sluice.errors import ConfigError

EXPECTED = (
    "expected `memory:`, `sqlite:///sluice.db`, `sqlite:///var/lib/sluice/runs.db`, `redis://host:6379/0` or "
    "`postgresql://user:password@host/name`"
)


def runs_of(url: str, now: Callable[[], int]) -> Store:
    """Return the store at an address, not open yet. `now`: milliseconds since 1970.

    Raises:
        ConfigError: it is no such address. The message does not repeat it: it may hold a password.
    """
    if url in ("memory:", "memory://"):
        from sluice.stores.runs_memory import MemoryRuns

        return MemoryRuns(now)
    try:
        found = ledger_url(url)
    except ValueError:
        raise ConfigError(f"this is no address of a store of runs: {EXPECTED}") from None
    if isinstance(found, SqliteUrl):
        from sluice.stores.runs_sql import SqlRuns
        from sluice.stores.runs_sqlite import SqliteEngine

        return SqlRuns(SqliteEngine(_path(found.path)), now)
    if isinstance(found, PostgresUrl):
        from sluice.stores.runs_postgres import PostgresEngine
        from sluice.stores.runs_sql import SqlRuns

        return SqlRuns(PostgresEngine(found), now)
    from sluice.stores.runs_redis import RedisRuns

    return RedisRuns(found, now)


def _path(path: str) -> str:
    """A file by its whole path, or by its bare name in the working folder: nobody keeps one in the root."""
    bare = path.removeprefix("/")
    return bare if "/" not in bare else path
