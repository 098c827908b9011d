"""Schemas of gateway.solo.io/v1 RouteOption and VirtualHostOption, the options of Gloo Gateway 1.x.

PURE. Obeys: labs E3, E4 and E5; docs.solo.io, RouteOption, VirtualHostOption and RBAC (read 2026-11-21). What is typed
`Later` is refused when set; whatever else these objects hold is unknown.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.backend_policy_api import exactly_one
from sluice.config.core_api import Object, Schema, Text
from sluice.config.legacy_api import LegacyAi, TargetReferences
from sluice.config.limit_api import ConfigReference
from sluice.config.units import Duration, duration
from sluice.config.unserved import Later, instead

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
Texts = Annotated[dict[Text, Text], msgspec.Meta(min_length=1, max_length=64)]


# -- tokens -----------------------------------------------------------------------------------------------------------


class LocalKeys(Schema):
    key: Annotated[str, msgspec.Meta(min_length=2, max_length=65536)]
    """A JWK Set, or one public key in PEM."""


class LegacyKeys(Schema):
    local: LocalKeys | None = None
    remote: Annotated[Later, instead("`jwtAuthentication` of an AgentgatewayPolicy has `jwks.remote`")] = None

    def __post_init__(self) -> None:
        exactly_one(self, ("local", "remote"))


class LegacyIssuer(Schema):
    issuer: Text
    jwks: LegacyKeys
    audiences: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=64)] | None = None
    token_source: Later = None
    keep_token: Later = None
    claims_to_headers: Later = None


class LegacyJwt(Schema):
    providers: Annotated[dict[Text, LegacyIssuer], msgspec.Meta(min_length=1, max_length=64)]
    allow_missing_or_failed_jwt: bool = False


# -- rules ------------------------------------------------------------------------------------------------------------


class JwtPrincipal(Schema, kw_only=True):
    """Whoever has all of these claims."""

    claims: Texts
    matcher: Literal["EXACT_STRING", "BOOLEAN", "LIST_CONTAINS", "REGEX_MATCH"] = "EXACT_STRING"
    provider: Annotated[Later, instead("a claim `iss` among `claims` tells who issued the token")] = None


class RbacPrincipal(Schema):
    jwt_principal: JwtPrincipal


class RbacPermissions(Schema):
    """Empty = everything."""

    path_prefix: Text | None = None
    methods: Annotated[tuple[Method, ...], msgspec.Meta(max_length=16)] = ()


class RbacPolicy(Schema, kw_only=True):
    """Lets a request pass that one of its principals sends."""

    principals: Annotated[tuple[RbacPrincipal, ...], msgspec.Meta(min_length=1, max_length=64)]
    permissions: RbacPermissions = RbacPermissions()
    nested_claim_delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=8)] | None = None
    """Parts the names of claims that are members of others; unset = names are whole."""


class LegacyRbac(Schema):
    """A request passes that one of the policies lets pass."""

    policies: Annotated[dict[Text, RbacPolicy], msgspec.Meta(min_length=1, max_length=64)]
    disable: Annotated[Later, instead("rules add up here: what is said further up cannot be switched off")] = None


# -- the objects ------------------------------------------------------------------------------------------------------


class ConfigReferences(Schema):
    refs: Annotated[tuple[ConfigReference, ...], msgspec.Meta(min_length=1, max_length=16)]


_LIMITS = instead("`rateLimitConfigs` with a RateLimitConfig, or `rateLimit.local` of an AgentgatewayPolicy")
_TRANSFORMATION = instead("`traffic.transformation` of an AgentgatewayPolicy")


class RouteOptions(Schema):
    ai: LegacyAi | None = None
    cors: Annotated[Later, instead("`traffic.cors` of an AgentgatewayPolicy, or the filter CORS of a rule")] = None
    extauth: Annotated[Later, instead("`traffic.entExtAuth` of an EnterpriseAgentgatewayPolicy")] = None
    header_manipulation: Annotated[Later, instead("`traffic.headerModifiers` of an AgentgatewayPolicy")] = None
    jwt: LegacyJwt | None = None
    ratelimit: Annotated[Later, _LIMITS] = None
    ratelimit_basic: Annotated[Later, _LIMITS] = None
    rate_limit_configs: ConfigReferences | None = None
    """They count tokens, unless one says `type: REQUEST` (lab E4)."""
    rbac: LegacyRbac | None = None
    retries: Annotated[Later, instead("`retry` of a rule, or `traffic.retry` of an AgentgatewayPolicy")] = None
    staged_transformations: Annotated[Later, _TRANSFORMATION] = None
    timeout: str | None = None
    """Of the whole exchange; `0` turns it off."""
    transformations: Annotated[Later, _TRANSFORMATION] = None

    def __post_init__(self) -> None:
        _ = self.timeout_s

    @property
    def timeout_s(self) -> Duration | None:
        if self.timeout is None:
            return None
        return Duration(0) if self.timeout == "0" else duration(self.timeout)


class RouteOptionSpec(Schema):
    target_refs: TargetReferences | None = None
    options: RouteOptions = RouteOptions()


class RouteOption(Object, kw_only=True):
    """Of an HTTPRoute."""

    spec: RouteOptionSpec


class VirtualHostOption(RouteOption, kw_only=True):
    """Of a Gateway."""
