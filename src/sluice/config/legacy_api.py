"""Schemas of the older policies that the documentation of streaming and its labs still print.

PURE. Obeys: labs 1.E, 2.4 and seed 001; kgateway 2.0 TrafficPolicy, Gloo Gateway 2.0 GlooTrafficPolicy (read
2026-11-21). What is typed `Later` is refused when set; whatever else these objects hold is unknown.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.access_api import AuthorizationSettings
from sluice.config.ai_api import Json, Prompt, json_text
from sluice.config.backend_policy_api import exactly_one
from sluice.config.core_api import Name, Object, Schema
from sluice.config.guard_legacy_api import LegacyPromptGuard
from sluice.config.limit_api import Count
from sluice.config.shaping_api import CorsSettings, HeaderModifiers, Member
from sluice.config.units import Duration
from sluice.config.unserved import NO_EXT_PROC, Later, instead

RouteWord = Literal["CHAT", "CHAT_STREAMING"]


class TargetReference(Schema):
    group: str
    kind: str
    name: Name
    section_name: Name | None = None
    port: Later = None


class TargetSelector(Schema):
    group: str
    kind: str
    match_labels: dict[str, str]
    section_name: Name | None = None
    port: Later = None


TargetReferences = Annotated[tuple[TargetReference, ...], msgspec.Meta(min_length=1, max_length=16)]
TargetSelectors = Annotated[tuple[TargetSelector, ...], msgspec.Meta(min_length=1, max_length=16)]


class LegacyDefault(Schema):
    """One member of the body; `override` sets it in any case."""

    field: Member
    value: Json
    override: bool = False

    def __post_init__(self) -> None:
        json_text(self.value)


class LegacyAi(Schema):
    """Of an AgentgatewayPolicy too: never part of its API, but printed in its documentation of 1.0 to 1.3. Deprecated:
    `"stream": true` in a request is enough, and the rest has moved to `spec.backend.ai`."""

    route_type: RouteWord | None = None
    defaults: Annotated[tuple[LegacyDefault, ...], msgspec.Meta(min_length=1, max_length=64)] | None = None
    prompt_enrichment: Prompt | None = None
    prompt_guard: LegacyPromptGuard | None = None
    rag: Later = None
    semantic_cache: Later = None

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise ValueError("the field `routeType` is missing")


class TokenBucket(Schema, kw_only=True):
    """Of requests."""

    max_tokens: Count
    tokens_per_fill: Count = 1
    fill_interval: Duration


class LocalBucket(Schema):
    token_bucket: TokenBucket


class LegacyLimit(Schema):
    local: LocalBucket | None = None
    global_: Later = msgspec.field(name="global", default=None)

    def __post_init__(self) -> None:
        if self.local is None and self.global_ is None:
            raise ValueError("the field `local` is missing")


class LegacyTimeouts(Schema):
    request: Duration | None = None
    stream_idle: Duration | None = None


class TrafficPolicySpec(Schema):
    target_refs: TargetReferences | None = None
    target_selectors: TargetSelectors | None = None
    """Without targets it holds where a filter of a rule refers to it (ExtensionRef)."""
    ai: LegacyAi | None = None
    auto_host_rewrite: Later = None
    buffer: Later = None
    cors: CorsSettings | None = None
    csrf: Annotated[Later, instead("`traffic.csrf` of an AgentgatewayPolicy")] = None
    ext_auth: Annotated[Later, instead("`traffic.extAuth` of an AgentgatewayPolicy")] = None
    ext_proc: Annotated[Later, NO_EXT_PROC] = None
    header_modifiers: HeaderModifiers | None = None
    hash_policies: Later = None
    rate_limit: LegacyLimit | None = None
    rbac: AuthorizationSettings | None = None
    retry: Annotated[Later, instead("`traffic.retry` of an AgentgatewayPolicy")] = None
    timeouts: LegacyTimeouts | None = None
    transformation: Annotated[Later, instead("`traffic.transformation` of an AgentgatewayPolicy")] = None

    def __post_init__(self) -> None:
        exactly_one(self, ("target_refs", "target_selectors"), at_most=True)


class TrafficPolicy(Object, kw_only=True):
    """gateway.kgateway.dev/v1alpha1."""

    spec: TrafficPolicySpec


class GlooTrafficPolicySpec(TrafficPolicySpec, kw_only=True):
    gloo_ext_auth: Later = None
    gloo_jwt: Later = msgspec.field(name="glooJWT", default=None)
    gloo_rbac: Later = msgspec.field(name="glooRBAC", default=None)
    gloo_rate_limit: Later = None
    gloo_transformation: Later = None


class GlooTrafficPolicy(Object, kw_only=True):
    """gloo.solo.io/v1alpha1."""

    spec: GlooTrafficPolicySpec
