"""Another address that a client is told to ask instead.

Guarantee: what stands in `location` is made of the operator's words and of the path that the client asked for, never of
another host than the client's own or the operator's.
Obeys: Gateway API 1.4, HTTPRequestRedirectFilter (read 2026-11-21); RFC 9110, 10.2.2.
"""

from typing import Final, Literal

import msgspec

from sluice.policies.rewrite import PathChange, new_path

Status = Literal[301, 302, 303, 307, 308]

_PORTS: Final = {"http": 80, "https": 443}


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route. Empty, 0 and None leave that part as the client has it."""

    scheme: Literal["", "http", "https"] = ""
    hostname: str = ""
    port: int = 0
    path: PathChange | None = None
    status: Status = 302


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request was sent to."""

    scheme: Literal["http", "https"]
    host: str
    """The Host header; empty = there was none."""
    port: int
    """Of the listener."""
    path: str
    query: str
    prefix: str
    """The value of the `PathPrefix` that matched."""


def location(redirect: Redirect, asked: Address) -> str:
    """Return the address that a client is sent to.

    Without a host to name it is a path, and begins with exactly one slash: two would name a host, and a backslash is
    one to browsers.
    """
    path = asked.path if redirect.path is None else new_path(redirect.path, asked.path, asked.prefix)
    target = f"{path}?{asked.query}" if asked.query else path
    host = redirect.hostname or bare_host(asked.host)
    if not host:
        return "/" + target.lstrip("/\\")
    scheme = redirect.scheme or asked.scheme
    port = redirect.port or (_PORTS[redirect.scheme] if redirect.scheme else asked.port)
    return f"{scheme}://{host}{target}" if port == _PORTS[scheme] else f"{scheme}://{host}:{port}{target}"


def bare_host(host: str) -> str:
    """Return a Host header without its port."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
