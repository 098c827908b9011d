"""Origins of web pages, and the patterns that an operator writes for them: `https://app.example`, `https://*.example`.

Guarantee: an origin is compared as a whole, scheme, host and port; a pattern never fits a part of a host name that it
does not say. Cost: O(length), without regular expressions over what clients send.
Obeys: RFC 6454; Gateway API 1.4, HTTPCORSFilter.allowOrigins (read 2026-11-21).
"""

import re
from typing import Final

import msgspec

ANY: Final = "*"
NULL: Final = "null"
"""What a browser sends for a page that has no origin, or hides it: a file, a sandbox. Fits only itself and ANY."""
MAX_CHARS: Final = 512
"""Longest origin that is looked at; a host name has 253 characters."""

_SHAPE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(\[[0-9A-Fa-f:.]+\]|[^\s/?#:@\[\]]+)(?::([0-9]{1,5}))?")
_USUAL_PORTS: Final = {"http": 80, "https": 443}


class Origin(msgspec.Struct, frozen=True):
    """Scheme and host in lower case. `port` 0 = the scheme has no usual one and none is said."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> tuple[str, int]:
        """What a request's own host is compared with."""
        return self.host, self.port


def parsed(text: str) -> Origin | None:
    """Return an origin, None of what is none. A `*` may stand in its host."""
    match = _SHAPE.fullmatch(text) if len(text) <= MAX_CHARS else None
    if match is None:
        return None
    scheme, port = match[1].lower(), int(match[3] or 0)
    if port > 65535 or (match[3] and not port):
        return None
    return Origin(scheme, match[2].lower(), port or _USUAL_PORTS.get(scheme, 0))


def own(scheme: str, host_header: str) -> Origin | None:
    """Return the origin that a request was sent to, from its Host header."""
    return parsed(f"{scheme}://{host_header}") if host_header else None


def check(pattern: str) -> None:
    """Check a pattern.

    Raises:
        ValueError: it fits no origin, or has more than one `*`.
    """
    if pattern in (ANY, NULL):
        return
    found = parsed(pattern)
    if found is None:
        raise ValueError("expected an origin such as `https://app.example`, `https://*.example:8443`, or `*`")
    if found.host.count("*") > 1 or ("*" in found.host and not found.host.startswith("*")):
        raise ValueError("a `*` stands once, at the beginning of the host")


def fits(pattern: str, origin: str) -> bool:
    """Return whether a pattern fits an origin as a browser sends it. `*` alone fits everything."""
    if pattern == ANY or pattern == origin == NULL:
        return True
    wanted, given = parsed(pattern), parsed(origin)
    if wanted is None or given is None or "*" in given.host:
        return False
    if (wanted.scheme, wanted.port) != (given.scheme, given.port):
        return False
    tail = wanted.host[1:]
    if wanted.host.startswith("*"):
        return given.host.endswith(tail) and len(given.host) > len(tail)
    return wanted.host == given.host
