"""Where in a request a client keeps its credential, how it is found there, and how the request looks without it.

Guarantee: what `without` returns holds the credential in none of the given places, and everything else unchanged.
Obeys: compat-agentgateway 1.7; RFC 6265 4.2.1 (cookies), RFC 6750 2.1 (the scheme is compared without regard to case).
"""

from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import unquote_plus

import msgspec

Header = tuple[bytes, bytes]


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """One place. `name`: of a header in lower case, of a parameter or of a cookie; of an expression its text, CEL."""

    kind: Literal["header", "query", "cookie", "expression"] = "header"
    name: str = "authorization"
    prefix: str = ""
    """Of a header: what stands before the credential."""


BEARER = Location(prefix="Bearer ")
BASIC = Location(prefix="Basic ")
ANYWHERE = (
    BEARER,
    Location(name="x-api-key"),
    Location(name="x-goog-api-key"),
    Location(name="api-key"),
    Location(kind="query", name="key"),
)
"""Where clients of the published APIs keep their key."""


IN_QUERIES = tuple(Location(kind="query", name=name) for name in ("key", "api-key", "api_key", "access_token"))
"""Where a client may keep a credential in a query; RFC 6750 2.3."""


class Ambiguous(ValueError):
    """A header that may stand there once stands there twice; the message names it."""


def found(location: Location, headers: Sequence[Header], query: str) -> str | None:
    """Return the credential that stands at a location other than an expression, None if none does.

    Raises:
        Ambiguous: there are two.
    """
    if location.kind == "header":
        values = [value for name, value in headers if name == location.name.encode("latin-1")]
        if len(values) > 1:
            raise Ambiguous(f"there are two headers `{location.name}`")
        text = values[0].decode("latin-1").strip() if values else ""
        if not text.lower().startswith(location.prefix.lower()):
            return None
        return text[len(location.prefix) :].strip() or None
    pairs = _parameters(query) if location.kind == "query" else _cookies(headers)
    return next((value for name, value in pairs if name == location.name and value), None)


def without(locations: Iterable[Location], headers: Sequence[Header], query: str) -> tuple[tuple[Header, ...], str]:
    """Return headers and query of a request without the credentials at these locations."""
    kept = list(headers)
    for location in locations:
        if location.kind == "header":
            kept = [field for field in kept if field[0] != location.name.encode("latin-1")]
        elif location.kind == "query":
            query = "&".join(part for part in query.split("&") if _name(part) != location.name)
        elif location.kind == "cookie":
            kept = [field for field in (_less(field, location.name) for field in kept) if field is not None]
    return tuple(kept), query


def _parameters(query: str) -> Iterable[tuple[str, str]]:
    return ((_name(part), unquote_plus(part.partition("=")[2])) for part in query.split("&"))


def _name(part: str) -> str:
    return unquote_plus(part.partition("=")[0])


def _cookies(headers: Sequence[Header]) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _, text = part.strip().partition("=")
                yield key, text.strip('"')


def _less(field: Header, cookie: str) -> Header | None:
    """Return a header without one cookie; None if nothing is left of it."""
    if field[0] != b"cookie":
        return field
    parts = [part.strip() for part in field[1].decode("latin-1").split(";")]
    rest = [part for part in parts if part and part.partition("=")[0] != cookie]
    return (field[0], "; ".join(rest).encode("latin-1")) if rest else None
