"""Policies of identity that hang in the air: said before the first request, not noticed after it.

PURE.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from sluice.config.plan import Entry, Plan
from sluice.policies.access import Access
from sluice.policies.authorization import Authorization
from sluice.policies.cel_text import bare
from sluice.policies.limiting import Limiting

_KNOWN_BY: Mapping[str, tuple[str, Callable[[Access], object]]] = {
    "jwt": ("nothing verifies tokens", lambda access: access.jwt),
    "basicAuth": ("nothing asks for a password", lambda access: access.basic),
    "apiKey": ("nothing asks for an API key", lambda access: access.api_keys),
    "extauthz": ("no external authorization is asked", lambda access: access.external),
}
"""A variable -> what a route lacks that does not know it, and how to tell."""


def unproven(plan: Plan) -> tuple[str, ...]:
    """Return sentences for the banner and the log: rules about somebody whom nobody asks who they are, and limits for
    each of them."""
    notes: dict[str, None] = {}
    for listener in plan.listeners:
        for entry in listener.entries:
            accesses = [listener.access, entry.rule.access, *_behind(plan, entry)]
            rules = [text for access in accesses for text in _texts(access.authorization)]
            keys = list(_limit_keys(entry.rule.limits))
            for name, (lack, policy) in _KNOWN_BY.items():
                if any(map(policy, accesses)):
                    continue
                if _named(name, rules):
                    notes[f"Rules of authorization on route {entry.route} look at `{name}`, and {lack} there."] = None
                if _named(name, keys):
                    notes[
                        f"Limits on route {entry.route} are kept by `{name}`, and {lack} there: all share one bucket."
                    ] = None
    return tuple(notes)


def _named(variable: str, texts: Iterable[str]) -> bool:
    return any(re.search(rf"(?<![\w.]){variable}\b", bare(text)) for text in texts)


def _limit_keys(limiting: Limiting) -> Iterator[str]:
    for choice in (choice for group in limiting.groups for choice in group):
        for bounds in (choice.limits.machine, choice.limits.everywhere):
            yield from (rate.key for rate in bounds.rates)
            yield from (most.key for most in bounds.at_once)


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
