"""Schema of agentgateway.dev/v1alpha1 AgentgatewayPolicy, and of the same object as the enterprise labs write it.

PURE. Obeys: compat-agentgateway 2.5, the names of stream-life 9 included. What is typed `Later` is refused when set.
"""

from typing import Annotated, Literal

from sluice.config.access_api import (
    ApiKeySettings,
    AuthorizationSettings,
    BasicSettings,
    EnterpriseSettings,
    ExternalSettings,
    JwtSettings,
)
from sluice.config.backend_policy_api import BackendPolicies, exactly_one
from sluice.config.core_api import Object, Schema
from sluice.config.legacy_api import LegacyAi, TargetReferences, TargetSelectors
from sluice.config.limit_api import EnterpriseLimit, RateLimit
from sluice.config.money_api import BudgetSpec
from sluice.config.observing_api import AccessLogSettings, MetricLabelSettings
from sluice.config.shaping_api import (
    AbortSettings,
    CorsSettings,
    CsrfSettings,
    DelaySettings,
    DirectResponseSettings,
    HeaderModifiers,
    HostRewriteSettings,
    TransformationSettings,
)
from sluice.config.struct_fields import fields_of
from sluice.config.tracing_api import TracingSettings
from sluice.config.traffic_api import TrafficSettings
from sluice.config.unserved import NO_EXT_PROC, Later, instead

ENTERPRISE = "enterpriseagentgateway.solo.io"
"""The API group of the labs' objects."""
EARLY = (
    *("jwt_authentication", "api_key_authentication", "basic_authentication", "ext_auth", "ent_ext_auth"),
    *("authorization", "transformation", "cors"),
)
"""What may be looked at before a route is chosen."""


class Traffic(TrafficSettings):
    phase: Literal["PreRouting", "PostRouting"] | None = None
    """PreRouting: before a route is chosen. Unset = PostRouting."""
    jwt_authentication: JwtSettings | None = None
    api_key_authentication: ApiKeySettings | None = None
    basic_authentication: BasicSettings | None = None
    authorization: AuthorizationSettings | None = None
    ext_auth: ExternalSettings | None = None
    ent_ext_auth: EnterpriseSettings | None = None
    ext_proc: Annotated[Later, NO_EXT_PROC] = None
    rate_limit: RateLimit | None = None
    ent_rate_limit: EnterpriseLimit | None = None
    cors: CorsSettings | None = None
    csrf: CsrfSettings | None = None
    header_modifiers: HeaderModifiers | None = None
    host_rewrite: HostRewriteSettings | None = None
    direct_response: DirectResponseSettings | None = None
    delay: DelaySettings | None = None
    abort: AbortSettings | None = None
    buffer: Annotated[Later, instead("the body of a request is always whole before anybody is asked")] = None
    transformation: TransformationSettings | None = None
    budgets: tuple[BudgetSpec, ...] | None = None

    def __post_init__(self) -> None:
        if self.phase != "PreRouting":
            return
        for field in fields_of(self):
            if field.name not in (*EARLY, "phase") and getattr(self, field.name) is not None:
                what = f"`{field.encode_name}` cannot be looked at before a route is chosen"
                raise ValueError(f"{what} (`phase: PreRouting`)")


class Frontend(Schema):
    http: Later = None
    tls: Later = None
    tcp: Later = None
    access_log: AccessLogSettings | None = None
    tracing: TracingSettings | None = None
    metrics: MetricLabelSettings | None = None
    network_authorization: Later = None
    proxy_protocol: Later = None
    connect: Later = None


class Strategy(Schema):
    inheritance: Literal["Default", "Override"] = "Default"
    """Override: what this policy says of traffic stands above what policies below it say."""


def _says(section: Schema | None) -> bool:
    """Whether a section holds any policy; when it is looked at is none."""
    fields = () if section is None else fields_of(section)
    return any(getattr(section, field.name) != field.default for field in fields if field.name != "phase")


class PolicySpec(Schema):
    target_refs: TargetReferences | None = None
    target_selectors: TargetSelectors | None = None
    backend: BackendPolicies | None = None
    traffic: Traffic | None = None
    frontend: Frontend | None = None
    ai: LegacyAi | None = None
    strategy: Strategy = Strategy()

    def __post_init__(self) -> None:
        exactly_one(self, ("target_refs", "target_selectors"))
        if not (self.backend or self.traffic or self.frontend or self.ai):
            raise ValueError("expected at least one of `frontend`, `traffic`, `backend`")
        if len({(ref.group, ref.kind) for ref in self.target_refs or ()}) > 1:
            raise ValueError("all `targetRefs` must be of one kind")
        if self.strategy.inheritance == "Override" and self.traffic is None:
            raise ValueError("`strategy.inheritance: Override` is about `traffic`, and there is none")
        if not any(map(_says, (self.backend, self.traffic, self.frontend, self.ai))):
            raise ValueError("this policy says nothing: its sections are empty")


class AgentgatewayPolicy(Object, kw_only=True):
    spec: PolicySpec


class EnterpriseAgentgatewayPolicy(AgentgatewayPolicy, kw_only=True):
    """The same, with `entExtAuth` and `entRateLimit`, which both kinds take."""
