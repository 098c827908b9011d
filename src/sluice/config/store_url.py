"""The address of a store, as an operator writes it: `redis://user:password@host:6379/0`, `rediss://` over TLS.

PURE. What is wrong with it is said without quoting it: it holds a password.
"""

from urllib.parse import unquote, urlsplit

import msgspec

from sluice.providers.credential import Secret

REDIS_PORT = 6379


class RedisUrl(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Redis listens. `label` is fit for logs."""

    host: str
    port: int = REDIS_PORT
    user: str = ""
    password: Secret | None = None
    database: int = 0
    encrypted: bool = False

    @property
    def label(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"


def redis_url(text: str) -> RedisUrl:
    """Read the address of a Redis.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("expected an address such as `redis://host:6379/0`") from None
    database = parts.path.removeprefix("/")
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected an address such as `redis://host:6379/0` or `rediss://user:password@host:6379/0`")
    if database and not (database.isascii() and database.isdigit() and len(database) < 6):
        raise ValueError("the database of a Redis is a number, as in `redis://host:6379/0`")
    return RedisUrl(
        host=parts.hostname,
        port=REDIS_PORT if port is None else port,
        user=unquote(parts.username or ""),
        password=Secret(unquote(parts.password)) if parts.password else None,
        database=int(database or 0),
        encrypted=parts.scheme == "rediss",
    )
