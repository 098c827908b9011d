"""What answers a button."""

from collections.abc import Callable
from typing import Any

import msgspec


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A handler by name. `scopes`: what a caller must be allowed to, `*` matches any part."""

    name: str
    function: Callable[..., Any]
    scopes: tuple[str, ...] = ()
    ttl_s: float = 600.0
