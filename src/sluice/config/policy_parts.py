"""What a policy of any kind says, in the words of AgentgatewayPolicy.

PURE. The older kinds are read as the newer one that says the same (labs 1.E); places are those of the object as it is
written.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from sluice.config.access_api import AccessSettings
from sluice.config.backend_policy_api import AGENTGATEWAY, BackendPolicies
from sluice.config.core_api import Object
from sluice.config.layers import Said
from sluice.config.legacy_api import (
    GlooTrafficPolicy,
    LegacyAi,
    LegacyLimit,
    TargetReference,
    TargetSelector,
    TrafficPolicy,
    TrafficPolicySpec,
)
from sluice.config.limit_api import LimitSettings, LocalLimit, RateLimit
from sluice.config.money_api import MoneySettings
from sluice.config.objects import Resource
from sluice.config.policy_api import ENTERPRISE, AgentgatewayPolicy, EnterpriseAgentgatewayPolicy, Frontend, Traffic
from sluice.config.route_option import of_options
from sluice.config.route_option_api import RouteOption, VirtualHostOption
from sluice.config.struct_fields import fields_of
from sluice.config.traffic_api import Timeouts

T = TypeVar("T")

KINDS: tuple[type[Object], ...] = (AgentgatewayPolicy, EnterpriseAgentgatewayPolicy)
OLDER: tuple[type[Object], ...] = (TrafficPolicy, GlooTrafficPolicy, RouteOption, VirtualHostOption)


GROUPS = {
    "AgentgatewayPolicy": AGENTGATEWAY,
    "EnterpriseAgentgatewayPolicy": ENTERPRISE,
    "TrafficPolicy": "gateway.kgateway.dev",
    "GlooTrafficPolicy": "gloo.solo.io",
    "RouteOption": "gateway.solo.io",
    "VirtualHostOption": "gateway.solo.io",
}
"""Kind -> API group."""


class TrafficLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy says of traffic, ready for those who read each part of it."""

    source: str
    """Kind and `namespace/name` of the policy."""
    said: Said[Traffic]
    access: Said[AccessSettings]
    limits: Said[LimitSettings]
    money: Said[MoneySettings]
    locked: bool = False
    """It stands above what policies below it say (`strategy.inheritance: Override`)."""

    @property
    def early(self) -> bool:
        return self.said.settings.phase == "PreRouting"

    def kinds(self) -> Iterator[tuple[str, str]]:
        """Yield the kinds of policies that are in it: field, and name in files."""
        for field in fields_of(Traffic):
            if field.name != "phase" and getattr(self.said.settings, field.name) is not None:
                yield field.name, field.encode_name


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy says."""

    refs: tuple[TargetReference, ...]
    selectors: tuple[TargetSelector, ...] = ()
    traffic: TrafficLayer | None = None
    backend: Said[BackendPolicies] | None = None
    ai: Said[LegacyAi] | None = None
    frontend: Said[Frontend] | None = None


def parts(policy: Resource[Object]) -> Parts:
    """Return what a policy says."""
    body = policy.body
    if isinstance(body, AgentgatewayPolicy):
        spec = body.spec
        return Parts(
            refs=spec.target_refs or (),
            selectors=spec.target_selectors or (),
            traffic=_layer(policy, spec.traffic, "traffic", locked=spec.strategy.inheritance == "Override"),
            backend=None if spec.backend is None else _said(policy, spec.backend, "backend"),
            ai=None if spec.ai is None else _said(policy, spec.ai, "ai"),
            frontend=None if spec.frontend is None else _said(policy, spec.frontend, "frontend"),
        )
    if isinstance(body, RouteOption):
        options = body.spec.options
        return Parts(
            refs=body.spec.target_refs or (),
            traffic=_layer(policy, of_options(options), "options"),
            ai=None if options.ai is None else _said(policy, options.ai, "options", "ai"),
        )
    assert isinstance(body, TrafficPolicy | GlooTrafficPolicy)
    older = body.spec
    return Parts(
        refs=older.target_refs or (),
        selectors=older.target_selectors or (),
        traffic=_layer(policy, _of_older(older)),
        ai=None if older.ai is None else _said(policy, older.ai, "ai"),
    )


def _said(policy: Resource[Object], settings: T, *steps: str) -> Said[T]:
    return Said(settings, policy.document, ("spec", *steps), policy.namespace)


def _layer(policy: Resource[Object], traffic: Traffic | None, *steps: str, locked: bool = False) -> TrafficLayer | None:
    if traffic is None:
        return None
    access = AccessSettings(
        jwt_authentication=traffic.jwt_authentication,
        basic_authentication=traffic.basic_authentication,
        api_key_authentication=traffic.api_key_authentication,
        ext_auth=traffic.ext_auth,
        ent_ext_auth=traffic.ent_ext_auth,
        authorization=traffic.authorization,
    )
    limits = LimitSettings(rate_limit=traffic.rate_limit, ent_rate_limit=traffic.ent_rate_limit)
    return TrafficLayer(
        source=f"{policy.kind} {policy.label}",
        said=_said(policy, traffic, *steps),
        access=_said(policy, access, *steps),
        limits=_said(policy, limits, *steps),
        money=_said(policy, MoneySettings(budgets=traffic.budgets), *steps),
        locked=locked,
    )


# -- the older kinds --------------------------------------------------------------------------------------------------


def _of_older(spec: TrafficPolicySpec) -> Traffic:
    timeouts = None
    if spec.timeouts is not None:
        timeouts = Timeouts(request=spec.timeouts.request, response_idle=spec.timeouts.stream_idle)
    return Traffic(
        timeouts=timeouts,
        cors=spec.cors,
        header_modifiers=spec.header_modifiers,
        rate_limit=_limit(spec.rate_limit),
        authorization=spec.rbac,
    )


def _limit(spec: LegacyLimit | None) -> RateLimit | None:
    if spec is None or spec.local is None:
        return None
    bucket = spec.local.token_bucket
    limit = LocalLimit(
        max_tokens=bucket.max_tokens, tokens_per_fill=bucket.tokens_per_fill, fill_interval=bucket.fill_interval
    )
    return RateLimit(local=(limit,))
