"""Schemas of the older policies that the documentation of streaming still prints: they say one thing here, the type of
a route (`CHAT_STREAMING`).

PURE. Obeys: labs 2.4 and seed 001; kgateway 2.0 TrafficPolicy, Gloo Gateway 2.0 GlooTrafficPolicy, Gloo Gateway 1.x
RouteOption. What is typed `Later` is refused when set; whatever else these objects hold is unknown.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.backend_policy_api import exactly_one
from sluice.config.core_api import Name, Object, Schema
from sluice.config.unserved import Later

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


class LegacyAi(Schema):
    """Never part of agentgateway's API, but printed in its documentation of 1.0 to 1.3. Deprecated: `"stream": true`
    in a request is enough. The rest of it has moved to `spec.backend.ai`."""

    route_type: RouteWord | None = None
    defaults: Later = None
    prompt_enrichment: Later = None
    prompt_guard: Later = None
    rag: Later = None
    semantic_cache: Later = None

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise ValueError("the field `routeType` is missing")


class TrafficPolicySpec(Schema):
    target_refs: TargetReferences | None = None
    target_selectors: TargetSelectors | None = None
    ai: LegacyAi | None = None
    auto_host_rewrite: Later = None
    buffer: Later = None
    cors: Later = None
    csrf: Later = None
    ext_auth: Later = None
    ext_proc: Later = None
    header_modifiers: Later = None
    hash_policies: Later = None
    rate_limit: Later = None
    rbac: Later = None
    retry: Later = None
    timeouts: Later = None
    transformation: Later = None

    def __post_init__(self) -> None:
        exactly_one(self, ("target_refs", "target_selectors"))


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


class RouteOptions(Schema):
    ai: LegacyAi | None = None
    cors: Later = None
    extauth: Later = None
    header_manipulation: Later = None
    jwt: Later = None
    ratelimit: Later = None
    rbac: Later = None
    retries: Later = None
    staged_transformations: Later = None
    timeout: Later = None
    transformations: Later = None


class RouteOptionSpec(Schema):
    target_refs: TargetReferences
    options: RouteOptions = RouteOptions()


class RouteOption(Object, kw_only=True):
    """gateway.solo.io/v1."""

    spec: RouteOptionSpec
