"""Another path and another host for a request on its way to its backend.

On a route to a provider the new path decides what is asked, as the client's own would: `/openai/embeddings` that
becomes `/v1/embeddings` is a request for embeddings. The query crosses as it is.
Obeys: Gateway API 1.4, HTTPPathModifier and HTTPURLRewriteFilter (read 2026-11-21), its table of prefixes included.
"""

from typing import Literal

import msgspec

HostMode = Literal["auto", "none"]
"""`auto`: the backend's own host. `none`: the client's, as it came."""


class PathChange(msgspec.Struct, frozen=True):
    """`prefix` replaces what the route's `PathPrefix` matched, by whole segments; `full` replaces all of it."""

    kind: Literal["full", "prefix"]
    value: str


class Rewrite(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route. Empty and None change nothing."""

    hostname: str = ""
    path: PathChange | None = None


def new_path(change: PathChange, path: str, prefix: str) -> str:
    """Return the path after a change. `prefix` is the value of the `PathPrefix` that matched; a path that does not
    begin with it (another policy changed it before) stays."""
    if change.kind == "full":
        return change.value or "/"
    bare = prefix.rstrip("/")
    rest = path[len(bare) :]
    if not path.startswith(bare) or (rest and not rest.startswith("/")):
        return path
    return change.value.rstrip("/") + rest or "/"
