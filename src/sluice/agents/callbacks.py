"""What answers a button: a function by name, and what it is given when somebody presses. agents.md B9-B13, E.13."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from sluice.agents.items import ItemStore

TTL_S = 600.0


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A handler by name."""

    name: str
    function: Callable[..., Any]
    """Called with a `Press`; what it returns, or yields, is the answer: a text, a `Reply`, a mapping of `message`,
    `attachments`, `patch`, `success`, `error`, or None."""
    scopes: tuple[str, ...] = ()
    """What a caller must be allowed to, all of it: `orders:approve`."""
    ttl_s: float = TTL_S
    """How long a button can be pressed."""


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """One press of one button, as its handler sees it."""

    params: Mapping[str, Any]
    """As they were given to `ctx.button`."""
    user: str
    """Who presses: the authenticated principal, whatever the body says."""
    name: str
    agent: str
    thread_id: str
    run_id: str
    store: ItemStore
    platform: str = ""
    """Where it was pressed, as the client says."""
    attempt: int = 1
    """How often it was tried with this one: a handler that fails is called up to three times."""


def allows(granted: Iterable[str], wanted: str) -> bool:
    """Whether one of the scopes that somebody has covers one that is wanted. Parts stand between colons; `*` in a
    granted scope is any part, and at its end all that follow: `orders:*` covers `orders:approve:large`."""
    parts = wanted.split(":")
    return any(_covers(scope.split(":"), parts) for scope in granted)


def _covers(granted: list[str], wanted: list[str]) -> bool:
    if granted[-1] == "*" and len(wanted) >= len(granted):
        granted, wanted = granted[:-1], wanted[: len(granted) - 1]
    return len(granted) == len(wanted) and all(one in ("*", other) for one, other in zip(granted, wanted, strict=True))
