"""The ledger at an address: which store keeps it. Each is imported only if it is the one."""

from sluice.config.ledger_url import LedgerUrl, PostgresUrl, SqliteUrl
from sluice.gateway.money_ports import Books


def books(url: LedgerUrl) -> Books:
    """Return the store of an address, not open yet.

    Raises:
        LedgerGone: the library that it takes is not installed.
    """
    if isinstance(url, SqliteUrl):
        from sluice.stores.ledger_sqlite import SqliteLedger

        return SqliteLedger(url.path)
    if isinstance(url, PostgresUrl):
        from sluice.stores.ledger_postgres import PostgresLedger

        return PostgresLedger(url)
    from sluice.stores.ledger_redis import RedisLedger

    return RedisLedger(url)
