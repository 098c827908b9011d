"""What all policies come to on one rule: the one place where layers meet.

PURE. The weakest first: the Gateway's, its listener's, the HTTPRoute's, its rule's, and what the rule itself says. Of
each kind the strongest that says something wins whole; rules of authorization, limits and guards add up, and nobody
below drops one. What a policy with `strategy.inheritance: Override` says stands above all of that; of several the
one further up wins. Obeys: compat-agentgateway 2.5, stream-life 6.
"""

from collections.abc import Iterator, Sequence

import msgspec

from sluice.config.access_api import AccessSettings
from sluice.config.layers import Said
from sluice.config.plan import Rule
from sluice.config.policy import Extension, Policies
from sluice.config.policy_parts import TrafficLayer
from sluice.config.readers import Readers
from sluice.config.struct_fields import fields_of
from sluice.config.traffic import treated
from sluice.config.traffic_api import TrafficSettings
from sluice.policies.access import Access
from sluice.policies.ai import NOTHING, AiPolicy
from sluice.policies.ai import merged as merged_ai
from sluice.policies.guards import NO_GUARDS
from sluice.policies.limiting import Limiting
from sluice.policies.shaping import NO_SHAPING, Shaping, merged

ADDING = ("authorization", "rate_limit", "ent_rate_limit", "budgets", "timeouts", "stream", "retry", "header_modifiers")
"""Kinds of which more than one layer may have a say: they add up, or each member is decided on its own."""
SHAPED = {
    "cors": "cors",
    "request_headers": "headerModifiers",
    "response_headers": "headerModifiers",
    "redirect": "requestRedirect",
    "rewrite": "urlRewrite",
}
"""What filters of a rule come to -> what policies call it, or the filter."""
AI_KINDS = {
    "routes": "routes",
    "aliases": "modelAliases",
    "defaults": "defaults",
    "overrides": "overrides",
    "prepend": "prompt.prepend",
    "append": "prompt.append",
    "transformations": "transformations",
    "final_transformations": "finalTransformations",
    "prompt_caching": "promptCaching",
}

Sources = tuple[tuple[str, str], ...]


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's place: its Gateway's label and listener, and its HTTPRoute's label and the rule's name, where it has
    them."""

    gateway: str
    listener: str
    route: str = ""
    section: str = ""


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule itself says."""

    source: str = ""
    traffic: TrafficSettings = TrafficSettings()
    shaping: Shaping = NO_SHAPING
    access: Said[AccessSettings] | None = None
    extensions: tuple[Extension, ...] = ()
    """Policies that its filters refer to, in their order; they stand between what is attached and what it says."""


NOTHING_OWN = Own()


class _Stack(msgspec.Struct, frozen=True):
    """Layers in order of strength, the weakest first: those below what the rule itself says, and those above."""

    below: tuple[TrafficLayer, ...]
    above: tuple[TrafficLayer, ...]

    @property
    def all(self) -> tuple[TrafficLayer, ...]:
        return (*self.below, *self.above)


class RulePolicies:
    """Tells them for every rule of a configuration."""

    def __init__(self, policies: Policies, readers: Readers) -> None:
        self._policies, self._readers = policies, readers

    def ruled(self, rule: Rule, where: Where, own: Own = NOTHING_OWN) -> Rule:
        """Return the rule with what policies, and it itself, say."""
        groups, readers = self._groups(where), self._readers
        extensions = [one.traffic for one in own.extensions if one.traffic is not None]
        groups = [*groups, [layer for layer in extensions if all(layer not in group for group in groups)]]
        stack = _stack(groups, early=False)
        settled = treated(
            rule,
            [
                *(layer.said.settings for layer in stack.below),
                own.traffic,
                *(layer.said.settings for layer in stack.above),
            ],
        )
        adding = [layer for group in groups for layer in group if not layer.early]
        route_ai = [(one.source, one.ai) for one in reversed(own.extensions)]
        if where.route:
            route_ai += self._policies.ai_layers("HTTPRoute", where.route, where.section)
        route_ai = [said for number, said in enumerate(route_ai) if said not in route_ai[:number]]
        gateway_ai = self._policies.ai_layers("Gateway", where.gateway, where.listener)
        return msgspec.structs.replace(
            settled,
            ai=merged_ai(*(policy for _, policy in route_ai)),
            gateway_ai=self._policies.ai("Gateway", where.gateway, where.listener),
            access=readers.access.access(_accesses(stack, own)),
            limits=readers.limits.limiting([layer.limits for layer in adding]),
            budgets=readers.money.budgets(layer.money for layer in adding),
            shaping=self._shaping(stack, own.shaping),
            sources=(*_traffic_sources(stack, own), *_ai_sources([*route_ai, *gateway_ai])),
        )

    def unread(self, where: Where, extensions: Sequence[Extension] = ()) -> list[str]:
        """Return what cannot hold on a rule that leads to plain HTTP, whose bodies nobody reads: `kind of object`."""
        own = [source for source, _ in self._policies.ai_layers("HTTPRoute", where.route, where.section)]
        own += [one.source for one in extensions if one.ai != NOTHING]
        above = self._policies.ai_layers("Gateway", where.gateway, where.listener)
        found = [f"`backend.ai` of {source}" for source in own]
        found += [f"`promptGuard` of {source}" for source, policy in above if policy.guards != NO_GUARDS]
        referred = [one.traffic for one in extensions if one.traffic is not None]
        for group in (*self._policies.traffic("HTTPRoute", where.route, where.section), referred):
            limited = [layer for layer in group if _counts_tokens(self._readers.limits.limiting([layer.limits]))]
            found += [f"a limit of tokens of {layer.source}" for layer in limited]
        return found

    def early(self, gateway: str, listener: str) -> tuple[Access, Shaping, Sources]:
        """Return what holds on a listener before a route is chosen, and who says it."""
        stack = _stack(self._groups(Where(gateway=gateway, listener=listener)), early=True)
        access = self._readers.access.access([layer.access for layer in stack.all])
        return access, self._shaping(stack, NO_SHAPING), tuple(_traffic_sources(stack, NOTHING_OWN))

    def _groups(self, where: Where) -> list[list[TrafficLayer]]:
        groups = self._policies.traffic("Gateway", where.gateway, where.listener)
        return [*groups, *(self._policies.traffic("HTTPRoute", where.route, where.section) if where.route else [])]

    def _shaping(self, stack: _Stack, own: Shaping) -> Shaping:
        below, above = (map(self._readers.shaping, layers) for layers in (stack.below, stack.above))
        return merged(*below, own, *above)


def _accesses(stack: _Stack, own: Own) -> list[Said[AccessSettings]]:
    said = [] if own.access is None else [own.access]
    return [*(layer.access for layer in stack.below), *said, *(layer.access for layer in stack.above)]


def _counts_tokens(limiting: Limiting) -> bool:
    limits = [choice.limits for group in limiting.groups for choice in group]
    bounds = [bound for each in limits for bound in (each.machine, each.everywhere)]
    local = any(rate.measure == "tokens" for bound in bounds for rate in bound.rates)
    return local or any(d.measure == "tokens" for each in limits for remote in each.remotes for d in remote.descriptors)


def _stack(groups: Sequence[Sequence[TrafficLayer]], *, early: bool) -> _Stack:
    below = [layer for group in groups for layer in group if layer.early is early and not layer.locked]
    above = [layer for group in reversed(groups) for layer in group if layer.early is early and layer.locked]
    return _Stack(tuple(below), tuple(above))


def _traffic_sources(stack: _Stack, own: Own) -> Iterator[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    own_kinds = _kinds_of(own)
    for said, source in (
        *((tuple(layer.kinds()), layer.source) for layer in stack.below),
        (own_kinds, own.source),
        *((tuple(layer.kinds()), layer.source) for layer in stack.above),
    ):
        for field, written in said:
            found[written] = [*(found.get(written, []) if field in ADDING else []), source]
    for written, sources in found.items():
        yield from ((written, source) for source in sources)


def _kinds_of(own: Own) -> tuple[tuple[str, str], ...]:
    said = [field for field in fields_of(TrafficSettings) if getattr(own.traffic, field.name) is not None]
    kinds = [(field.name, field.encode_name) for field in said]
    shaped = [name for name in SHAPED if getattr(own.shaping, name) not in (None, ())]
    if own.access is not None:
        kinds.append(("ext_auth", "extAuth"))
    return (*kinds, *dict.fromkeys((SHAPED[name], SHAPED[name]) for name in shaped))


def _ai_sources(layers: Sequence[tuple[str, AiPolicy]]) -> Iterator[tuple[str, str]]:
    """`layers`: the strongest first."""
    for field, written in AI_KINDS.items():
        said = [source for source, policy in layers if getattr(policy, field) != getattr(NOTHING, field)]
        if said:
            yield f"ai.{written}", said[0]
    yield from (("ai.promptGuard", source) for source, policy in reversed(layers) if policy.guards != NO_GUARDS)
