"""Which model an agent asks that names none: the default of the plan, by the names and defaults of seed 003.

`LLM_PROVIDER`, the keys, base addresses and `*_MODEL` variables are the gateway's own (config/environment.py); here
stands only what a provider's model is when its variable is not set. agents.md A.1 and E.15.
"""

from collections.abc import Iterator, Mapping

import msgspec

from sluice.config.plan import AiBackend, Plan, Target

DEFAULTS: Mapping[str, str] = {
    "openai": "gpt-3.5-turbo",
    "anthropic": "claude-3-sonnet-20240229",
    "gemini": "gemini-pro",
    "fake": "fake-1",
}


class Choice(msgspec.Struct, frozen=True):
    """The default model of a process."""

    provider: str
    """For people: `openai`."""
    model: str
    """As its provider calls it; empty = nobody says which."""
    asked: str
    """As the gateway is asked for it."""


def chosen(plan: Plan) -> Choice:
    """Return which model a plan means when nobody names one."""
    target = next(_defaults(plan), None)
    if target is None:
        named = plan.default_model or next((route.pattern for route in plan.models if "*" not in route.pattern), "")
        return Choice("", named, named)
    key = target.provider.key
    model = target.model or target.default_model or plan.default_model or DEFAULTS.get(key, "")
    full = f"{key}/*" in {route.pattern for route in plan.models}
    return Choice(key, model, f"{key}/{model}" if full and model else model)


def _defaults(plan: Plan) -> Iterator[Target]:
    """Give the first target of what takes every model, then of what any route leads to."""
    for route in reversed(plan.models):
        if route.pattern == "*" and route.backend is not None:
            yield route.backend.groups[0][0]
    for listener in plan.listeners:
        for entry in listener.entries:
            for weighted in entry.rule.backends:
                if isinstance(weighted.backend, AiBackend):
                    yield weighted.backend.groups[0][0]
