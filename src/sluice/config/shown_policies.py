"""What policies come to on a rule and on a listener, and who says so, for `sluice check`.

PURE. Guarantee: no secret is in a line: of keys, passwords and key sets only their number or their mode is told.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sluice.config.plan import AiBackend, HttpBackend, Listener, Rule
from sluice.config.units import duration_text
from sluice.policies.access import Access
from sluice.policies.ai import merged
from sluice.policies.budget import NANOS_PER_USD, Budget
from sluice.policies.guards import Guards
from sluice.policies.limiting import Bounds, Limiting, LimitSet

NOT_HERE = "; not here: plain HTTP crosses unread"
_TOLD_OTHERWISE = frozenset(
    [
        *("timeouts", "errorFormat", "stream", "retry", "admission"),
        *("rateLimit", "entRateLimit", "localRateLimit", "remoteRateLimit"),
        *("ai.promptGuard", "guardrails"),
    ]
)
"""Kinds of which it is told what they come to, with the names of those who say so: by `shown`, or below."""


def policy_lines(rule: Rule) -> tuple[str, ...]:
    """Return what holds on a rule, one line per kind of policy: `jwtAuthentication: strict, issuers a (Kind ns/name)`,
    and then its limits, its budgets, and its guards in the order in which they look. Of a Gateway's that are about
    models it is said where they are not about the rule."""
    plain = bool(rule.backends) and all(isinstance(each.backend, HttpBackend) for each in rule.backends)
    not_here = NOT_HERE if plain else ""
    return (
        *(f"{text}{not_here if text.startswith('ai.') else ''}" for text in _kinds(rule.sources, rule.access)),
        *(f"limit: {text}" for text in _limits(rule.limits, not_here)),
        *(f"budget: {_budget(budget)}{not_here}" for budget in rule.budgets),
        *_guards(rule),
    )


def early_lines(listener: Listener) -> tuple[str, ...]:
    """Return what holds on a listener before a route is chosen."""
    return tuple(f"PreRouting {line}" for line in _kinds(listener.sources, listener.access))


def _kinds(sources: Iterable[tuple[str, str]], access: Access) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for kind, source in sources:
        found.setdefault(kind, []).append(source)
    for kind, who in found.items():
        if kind not in _TOLD_OTHERWISE:
            text = _WORDS[kind](access) if kind in _WORDS else ""
            yield f"{kind}: {f'{text} ' if text else ''}({', '.join(who)})"


def _tokens(access: Access) -> str:
    if access.jwt is None:
        return ""
    return f"{access.jwt.mode}, issuers {' '.join(issuer.issuer for issuer in access.jwt.issuers)}"


def _keys(access: Access) -> str:
    if access.api_keys is None:
        return ""
    number = len(access.api_keys.keys)
    return f"{access.api_keys.mode}, {number} key{'' if number == 1 else 's'}"


def _passwords(access: Access) -> str:
    return "" if access.basic is None else access.basic.mode


def _external(access: Access) -> str:
    asked = ("nobody: it cannot be found" if one.server is None else one.server.host for one in access.external)
    return f"asks {', '.join(asked)}" if access.external else ""


def _rules(access: Access) -> str:
    rules = access.authorization
    counted = {"allow": len(rules.allow), "deny": len(rules.deny), "require": len(rules.require)}
    return ", ".join(f"{number} {kind}" for kind, number in counted.items() if number)


_WORDS: Mapping[str, Callable[[Access], str]] = {
    "jwtAuthentication": _tokens,
    "jwtAuth": _tokens,
    "apiKeyAuthentication": _keys,
    "apiKey": _keys,
    "entExtAuth": _keys,
    "basicAuthentication": _passwords,
    "basicAuth": _passwords,
    "extAuth": _external,
    "extAuthz": _external,
    "authorization": _rules,
}


def _limits(limiting: Limiting, not_here: str) -> Iterator[str]:
    for group in limiting.groups:
        for choice in group:
            when = " if its condition holds" if choice.condition else ""
            yield from (f"{text}{when}" for text in _set(choice.limits, not_here))


def _set(limits: LimitSet, not_here: str) -> Iterator[str]:
    yield from _bounds(limits.machine, "", not_here)
    yield from _bounds(limits.everywhere, ", shared", not_here)
    for remote in limits.remotes:
        where = "nobody: it cannot be found" if remote.server is None else remote.server.host
        yield f"domain {remote.domain}, counted by {where} ({remote.name})"


def _bounds(bounds: Bounds, where: str, not_here: str) -> Iterator[str]:
    for rate in bounds.rates:
        every = duration_text(rate.interval_us / 1_000_000)
        cut = ", cuts streams" if rate.cut_stream else ""
        then = not_here if rate.measure == "tokens" else ""
        more = f", {rate.capacity} at most" if rate.capacity != rate.fill else ""
        yield f"{rate.fill} {rate.measure} per {every}{more}{_per(rate.key)}{cut}{where} ({rate.name}){then}"
    for each in bounds.at_once:
        yield f"{each.most} at once{_per(each.key)}{where} ({each.name})"
    if bounds.described:
        yield f"{len(bounds.described)} descriptors{where}"


def _budget(budget: Budget) -> str:
    amount = f"{budget.amount} tokens" if budget.unit == "tokens" else f"{budget.amount / NANOS_PER_USD:g} USD"
    then = "" if budget.blocks else ", noted when it is exceeded"
    then += ", ends streams" if budget.cuts else ""
    then += ", only models with a price" if budget.needs_price else ""
    return f"{budget.name}, {amount} per {budget.period.lower()}{_per(budget.key)}{then}"


def _per(key: str) -> str:
    return f" for each {key}" if key else ""


def _guards(rule: Rule) -> Iterator[str]:
    """The guards of a rule; those of its backends are theirs, and stand between the Gateway's and the route's."""
    found: dict[str, Guards] = {}
    for each in rule.backends:
        if isinstance(each.backend, AiBackend):
            for target in (target for group in each.backend.groups for target in group):
                policy = merged(target.ai, rule.ai, each.backend.ai, rule.gateway_ai)
                found[f" at {each.backend.name} {target.name}"] = policy.guards
    if len(set(found.values())) <= 1:
        guards = next(iter(found.values()), merged(rule.ai, rule.gateway_ai).guards)
        found = {"": guards}
    for where, guards in found.items():
        for side, listed in (("request", guards.request), ("response", guards.response)):
            if listed:
                yield f"guards of the {side}{where}: {'; '.join(guard.name for guard in listed)}"
