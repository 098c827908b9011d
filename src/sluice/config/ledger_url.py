"""Where a ledger is, as an operator writes it: `sqlite:///var/lib/sluice/ledger.db`, `redis://…`, `postgresql://…`.

PURE. What is wrong with it is said without quoting it: it may hold a password.
"""

from urllib.parse import unquote, urlsplit

import msgspec

from sluice.config.store_url import RedisUrl, redis_url
from sluice.providers.credential import Secret

EXPECTED = "expected `sqlite:///path/to/ledger.db`, `redis://host:6379/0` or `postgresql://user:password@host/name`"


class SqliteUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A file; its folder exists."""

    path: str

    @property
    def label(self) -> str:
        return self.path


class PostgresUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A PostgreSQL. `dsn`: the whole address, for its client."""

    dsn: Secret
    label: str


LedgerUrl = SqliteUrl | RedisUrl | PostgresUrl


def ledger_url(text: str) -> LedgerUrl:
    """Read an address.

    Raises:
        ValueError: it is none.
    """
    scheme = text.partition(":")[0]
    if scheme in ("redis", "rediss"):
        return redis_url(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(EXPECTED) from None
    if scheme == "sqlite" and not parts.netloc and not parts.query and not parts.fragment:
        # Three slashes are a whole path, none is one relative to the working folder: `sqlite:ledger.db`.
        path = unquote(parts.path)
        if path and not path.endswith("/"):
            return SqliteUrl(path=path)
    if scheme in ("postgres", "postgresql") and parts.hostname and len(parts.path) > 1:
        where = f"{parts.hostname}:{port or 5432}{parts.path}"
        return PostgresUrl(dsn=Secret(text), label=where)
    raise ValueError(EXPECTED)
