"""Policies of identity that hang in the air: said before the first request, not noticed after it.

PURE.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from sluice.config.plan import Entry, Plan
from sluice.policies.access import Access
from sluice.policies.authorization import Authorization
from sluice.policies.cel_text import bare

_KNOWN_BY: Mapping[str, tuple[str, Callable[[Access], object]]] = {
    "jwt": ("nothing verifies tokens", lambda access: access.jwt),
    "basicAuth": ("nothing asks for a password", lambda access: access.basic),
    "apiKey": ("nothing asks for an API key", lambda access: access.api_keys),
    "extauthz": ("no external authorization is asked", lambda access: access.external),
}
"""A variable -> what a route lacks that does not know it, and how to tell."""


def unproven(plan: Plan) -> tuple[str, ...]:
    """Return sentences for the banner and the log: rules about somebody whom nobody asks who they are."""
    notes: dict[str, None] = {}
    for listener in plan.listeners:
        for entry in listener.entries:
            accesses = [listener.access, entry.rule.access, *_behind(plan, entry)]
            texts = [text for access in accesses for text in _texts(access.authorization)]
            for name, (lack, policy) in _KNOWN_BY.items():
                if any(map(policy, accesses)):
                    continue
                if any(re.search(rf"(?<![\w.]){name}\b", bare(text)) for text in texts):
                    notes[f"Rules of authorization on route {entry.route} look at `{name}`, and {lack} there."] = None
    return tuple(notes)


def asks_for_keys(plan: Plan) -> bool:
    """Return whether any route asks for an API key."""
    return any(
        access.api_keys is not None
        for listener in plan.listeners
        for entry in listener.entries
        for access in (listener.access, entry.rule.access, *_behind(plan, entry))
    )


def _behind(plan: Plan, entry: Entry) -> Iterator[Access]:
    """Of the backends that an entry leads to."""
    yield from (weighted.backend.access for weighted in entry.rule.backends if weighted.backend is not None)
    for route in plan.models if entry.answer == "by_model" else ():
        if route.backend is not None:
            yield route.backend.access
        yield from (alternative.backend.access for alternative in route.alternatives)


def _texts(authorization: Authorization) -> Iterable[str]:
    yield from (*authorization.allow, *authorization.deny, *authorization.require)
    for other in authorization.each:
        yield from _texts(other)
