"""Requests that a browser sends on behalf of a page of somebody else's: refused where they could change something.

Guarantee: a state-changing request that a browser marks as coming from another origin is refused unless that origin is
listed. What no browser sent (no `sec-fetch-site`, no `origin`) is not concerned.
Obeys: W3C Fetch Metadata; OWASP's "Fetch Metadata headers" of its CSRF cheat sheet (read 2026-11-21).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from sluice.errors import Forbidden
from sluice.policies import origin as origins
from sluice.policies.headers import Header

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_SAME: Final = frozenset({"same-origin", "none"})
"""`none`: the user themselves, by an address bar or a bookmark."""


class Csrf(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route."""

    additional_origins: tuple[str, ...] = ()
    """Patterns of origins beside the one that is asked: see origin.py."""


def check(csrf: Csrf, method: str, headers: Sequence[Header], host: str) -> None:
    """Pass if a request may change something here. `host` is its Host header.

    Whether the page came by TLS is not compared: behind a proxy that ends TLS the gateway does not know it.

    Raises:
        Forbidden: a page of another origin asks.
    """
    if method in SAFE:
        return
    site, origin = _first(headers, b"sec-fetch-site"), _first(headers, b"origin")
    if site in _SAME or not (site or origin):
        return
    if origin and any(origins.fits(pattern, origin) for pattern in csrf.additional_origins):
        return
    if site:
        raise Forbidden("Cross-origin request detected from Sec-Fetch-Site header")
    came = origins.parsed(origin)
    here = origins.own(came.scheme, host) if came is not None else None
    if came is None or here is None or came.authority != here.authority:
        raise Forbidden("Cross-origin request detected")


def _first(headers: Sequence[Header], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")
