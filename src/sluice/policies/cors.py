"""Cross-origin requests of web pages: which pages may ask, and what a browser is told about it.

Guarantee: a preflight is answered here and reaches no backend and no policy of identity (browsers send it without
credentials); an origin that is not allowed gets no `access-control-` header, and its browser keeps the answer from the
page. CORS keeps nobody from asking: that is for identity and csrf.py.
Obeys: Gateway API 1.4, HTTPCORSFilter, GEP-1767; Fetch Standard, 3.3 (read 2026-11-21).
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from sluice.policies import origin as origins
from sluice.policies.headers import Header

PREFIX: Final = b"access-control-"
"""What begins so is the gateway's to say on a route with this policy: two authors would make it invalid."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_MAX_REQUESTED: Final = 4096
"""Characters of a list of headers that is said back."""
_VARY: Final[Header] = (b"vary", b"origin")
_VARY_PREFLIGHT: Final[Header] = (
    b"vary",
    b"origin, access-control-request-method, access-control-request-headers",
)


class Cors(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route. `*` as an entry fits everything."""

    allow_origins: tuple[str, ...] = ()
    """Patterns: see origin.py. Empty = no page of another origin."""
    allow_methods: tuple[str, ...] = ()
    """Beside GET, HEAD and POST, which browsers always allow."""
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    """Headers of answers that a page's script may read."""
    allow_credentials: bool = False
    """Pages may send cookies and HTTP authentication along."""
    max_age_s: int = 5
    """How long a browser may remember the answer to a preflight."""


def is_preflight(method: str, headers: Sequence[Header]) -> bool:
    """Return whether a browser asks for permission. An OPTIONS without `access-control-request-method` is a request
    like any other."""
    asks = _first(headers, b"origin") and _first(headers, b"access-control-request-method")
    return method == "OPTIONS" and bool(asks)


def preflight(cors: Cors, headers: Sequence[Header]) -> list[Header]:
    """Return the head of the answer (200, empty) to a preflight."""
    origin = _first(headers, b"origin")
    if not _allowed(cors, origin):
        return [_VARY_PREFLIGHT]
    answer = [*_who(cors, origin), _VARY_PREFLIGHT]
    if methods := _methods(cors, _first(headers, b"access-control-request-method")):
        answer.append((b"access-control-allow-methods", methods.encode("latin-1")))
    if names := _headers(cors, _first(headers, b"access-control-request-headers")):
        answer.append((b"access-control-allow-headers", names.encode("latin-1")))
    answer.append((b"access-control-max-age", b"%d" % cors.max_age_s))
    return answer


def answered(cors: Cors, headers: Sequence[Header]) -> list[Header]:
    """Return what stands on the answer to a request with these headers, whatever answer it is: a page can read a 401
    only if it is told so there too."""
    origin = _first(headers, b"origin")
    varies = [] if cors.allow_origins == (origins.ANY,) and not cors.allow_credentials else [_VARY]
    if not _allowed(cors, origin):
        return varies
    answer = [*_who(cors, origin), *varies]
    exposed = [name for name in cors.expose_headers if name != origins.ANY or not cors.allow_credentials]
    if exposed:
        answer.append((b"access-control-expose-headers", ", ".join(exposed).encode("latin-1")))
    return answer


def _allowed(cors: Cors, origin: str) -> bool:
    return bool(origin) and any(origins.fits(pattern, origin) for pattern in cors.allow_origins)


def _who(cors: Cors, origin: str) -> list[Header]:
    """`*` is no answer for credentials, and the page's own origin is none to be remembered for all."""
    if cors.allow_origins == (origins.ANY,) and not cors.allow_credentials:
        return [(b"access-control-allow-origin", b"*")]
    named = (b"access-control-allow-origin", origin.encode("latin-1"))
    return [named, (b"access-control-allow-credentials", b"true")] if cors.allow_credentials else [named]


def _methods(cors: Cors, asked: str) -> str:
    if origins.ANY not in cors.allow_methods:
        return ", ".join(cors.allow_methods)
    return asked if _TOKEN.fullmatch(asked) else ""


def _headers(cors: Cors, asked: str) -> str:
    """A `*` is said back as what was asked for: browsers do not take `authorization` for a part of `*`."""
    if origins.ANY not in cors.allow_headers:
        return ", ".join(cors.allow_headers)
    names = [name.strip() for name in asked[:_MAX_REQUESTED].split(",")]
    found = [name for name in names if _TOKEN.fullmatch(name)]
    return ", ".join(found) or ("" if cors.allow_credentials else origins.ANY)


def _first(headers: Sequence[Header], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")
