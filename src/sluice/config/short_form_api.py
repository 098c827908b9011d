"""Schema of the short form: `config`, `gateways` and `llm` in one file.

PURE. Obeys: compat-agentgateway 3.1 and 3.3, stream-life 9 for the traffic. What is typed `Later` is refused when
set.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.access_short_api import ShortApiKeys, ShortAuthorization, ShortBasic, ShortExternal, ShortJwt
from sluice.config.ai_api import JsonMap, ShortAiSettings, check_values
from sluice.config.backend_policy_api import Auth, exactly_one
from sluice.config.clock_policy import ModelTimeouts
from sluice.config.core_api import Expression, HeaderName, Port, Schema, Text
from sluice.config.guard_short_api import ShortPromptGuard
from sluice.config.health_policy import ShortHealthSettings
from sluice.config.limit_api import GlobalLimit, LocalLimits, RateLimit
from sluice.config.money_api import BudgetSpec, CatalogSource, DatabaseSpec
from sluice.config.observing_api import LoggingSpec, MetricsSpec, SensitiveHeaders, ShortAccessLog
from sluice.config.shaping_api import (
    AbortSettings,
    CorsSettings,
    CsrfSettings,
    DelaySettings,
    DirectResponseSettings,
    FieldExpressions,
    HeaderModifier,
    HeaderModifiers,
    PromptCachingSettings,
    TransformationSettings,
)
from sluice.config.short_form_params import CustomSpec, Params
from sluice.config.tracing_api import ShortTracing, TracingSpec
from sluice.config.traffic_api import TrafficSettings
from sluice.config.units import Duration
from sluice.config.unserved import NO_EXT_PROC, NO_OIDC, Ignored, Later

Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^(\*|\*?[^*]+|[^*]+\*)$")]
"""A model's name: exact, `prefix-*`, `*-suffix` or `*`."""


# -- config -----------------------------------------------------------------------------------------------------------


class PoolSpec(Schema):
    """How to reach providers."""

    connect_timeout: Duration | None = None
    pool_idle_timeout: Duration | None = None
    pool_max_size: Later = None
    keepalives: Later = None


class ConfigSpec(Schema):
    admin_addr: Text | None = None
    stats_addr: Text | None = None
    readiness_addr: Text | None = None
    logging: LoggingSpec = LoggingSpec()
    backend: PoolSpec = PoolSpec()
    histograms: Later = None
    tracing: TracingSpec | None = None
    metrics: MetricsSpec = MetricsSpec()
    database: DatabaseSpec | None = None
    """Of the ledger."""
    shared_store: DatabaseSpec | None = None
    """A Redis, in which replicas count together. An addition of Sluice."""
    storage: Later = None
    model_catalog: tuple[CatalogSource, ...] = ()
    """Prices over those that are shipped."""
    session: Later = None
    sensitive_headers: SensitiveHeaders = ()
    """Whose values no log line, label or span shows, beside those whose names tell."""
    custom_functions: Later = None
    connection_termination_deadline: Later = None
    connection_min_termination_deadline: Later = None
    worker_threads: Later = None
    dns: Later = None


class GatewaySpec(Schema):
    port: Port
    hostname: Later = None
    protocol: Later = None
    tls: Later = None
    listeners: Later = None


# -- llm --------------------------------------------------------------------------------------------------------------


class ProviderReference(Schema):
    reference: Text | None = None
    custom: CustomSpec | None = None

    def __post_init__(self) -> None:
        exactly_one(self, ("reference", "custom"))


class ModelSettings(Schema):
    """What a model, or the provider that it refers to, says beside `params`; member by member the model wins."""

    defaults: JsonMap | None = None
    """Members of the client's body that are set where it has none."""
    overrides: JsonMap | None = None
    """Members of the client's body that are set in any case."""
    transformation: FieldExpressions | None = None
    final_transformation: FieldExpressions | None = None
    request_headers: HeaderModifier | None = None
    response_headers: HeaderModifier | None = None
    backend_tls: Later = msgspec.field(name="backendTLS", default=None)
    tls: Later = None
    auth: Auth | None = None
    health: ShortHealthSettings | None = None
    timeouts: ModelTimeouts | None = None
    backend_tunnel: Later = None
    guardrails: ShortPromptGuard | None = None
    """Those of a provider and of its models add up."""
    prompt_caching: PromptCachingSettings | None = None

    def __post_init__(self) -> None:
        check_values(self.defaults or {}, self.overrides or {})


class ProviderDefaults(ModelSettings):
    """What models that refer to a provider get unless they say it themselves."""


class ProviderSpec(Schema):
    """Defaults that models refer to."""

    name: Text
    provider: Text
    params: Params = Params()
    defaults: ProviderDefaults = ProviderDefaults()


class HeaderValue(Schema):
    exact: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    regex: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | None = None
    """Of the whole value."""

    def __post_init__(self) -> None:
        exactly_one(self, ("exact", "regex"))


class ModelHeader(Schema):
    name: HeaderName
    value: HeaderValue


class ModelMatch(Schema):
    """All of the headers have to fit."""

    headers: Annotated[tuple[ModelHeader, ...], msgspec.Meta(min_length=1, max_length=16)]


class ModelSpec(ModelSettings, kw_only=True):
    name: Pattern
    provider: Text | ProviderReference
    id: Ignored = None
    visibility: Literal["public", "internal"] = "public"
    params: Params = Params()
    passthrough: Later = None
    authorization: ShortAuthorization | None = None
    matches: Annotated[tuple[ModelMatch, ...], msgspec.Meta(max_length=64)] = ()
    """Requests that it is for, beside its name; several models may have one name then."""


class WeightedTarget(Schema):
    """One of a virtual model's, by weight."""

    model: Text
    """The name of a model of the file, or one that a pattern there fits."""
    weight: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 1


class PriorityTarget(Schema):
    model: Text
    """The name of a model of the file, or one that a pattern there fits."""
    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    """Lower values are preferred."""
    weight: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 1
    """Its share of the requests beside targets of the same priority, where their weights differ; 0 = only if no other
    is left. An addition of Sluice."""


class ConditionalTarget(Schema):
    model: Text
    """The name of a model of the file, or one that a pattern there fits."""
    when: Expression | None = None
    """CEL; only the last target may go without."""


class Weighted(Schema):
    targets: Annotated[tuple[WeightedTarget, ...], msgspec.Meta(min_length=1, max_length=64)]

    def __post_init__(self) -> None:
        if not any(target.weight for target in self.targets):
            raise ValueError("at least one target needs a weight above 0")


class Failover(Schema):
    targets: Annotated[tuple[PriorityTarget, ...], msgspec.Meta(min_length=1, max_length=64)]


class Conditional(Schema):
    targets: Annotated[tuple[ConditionalTarget, ...], msgspec.Meta(min_length=1, max_length=64)]

    def __post_init__(self) -> None:
        if any(target.when is None for target in self.targets[:-1]):
            raise ValueError("only the last target may have no `when`")


class RoutingSpec(Schema):
    weighted: Weighted | None = None
    failover: Failover | None = None
    conditional: Conditional | None = None

    def __post_init__(self) -> None:
        exactly_one(self, ("weighted", "failover", "conditional"))


class VirtualModelSpec(Schema):
    """Always public."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^*]+\Z")]
    routing: RoutingSpec
    id: Ignored = None


class PoliciesSpec(TrafficSettings):
    """For every model."""

    ai: ShortAiSettings = ShortAiSettings()
    """An addition of Sluice: in compat 3.2 it belongs to routes."""
    oidc: Annotated[Later, NO_OIDC] = None
    jwt_auth: ShortJwt | None = None
    authorization: ShortAuthorization | None = None
    ext_authz: ShortExternal | None = None
    ext_proc: Annotated[Later, NO_EXT_PROC] = None
    cors: CorsSettings | None = None
    transformations: TransformationSettings | None = None
    basic_auth: ShortBasic | None = None
    api_key: ShortApiKeys | None = None
    guardrails: ShortPromptGuard | None = None
    local_rate_limit: LocalLimits | None = None
    remote_rate_limit: GlobalLimit | None = None
    rate_limit: RateLimit | None = None
    csrf: CsrfSettings | None = None
    """This and what follows are additions of Sluice, with the words of `spec.traffic`."""
    header_modifiers: HeaderModifiers | None = None
    direct_response: DirectResponseSettings | None = None
    delay: DelaySettings | None = None
    abort: AbortSettings | None = None
    budgets: tuple[BudgetSpec, ...] | None = None


class LlmSpec(Schema, kw_only=True):
    gateways: tuple[Text, ...] = ()
    port: Port | None = None
    """Deprecated in favour of `gateways`."""
    tls: Later = None
    providers: tuple[ProviderSpec, ...] = ()
    models: Annotated[tuple[ModelSpec, ...], msgspec.Meta(min_length=1)]
    virtual_models: tuple[VirtualModelSpec, ...] = ()
    policies: PoliciesSpec = PoliciesSpec()


class FrontendPolicies(Schema):
    """What is said of all listeners."""

    access_log: ShortAccessLog | None = None
    tracing: ShortTracing | None = None
    http: Later = None
    tls: Later = None
    tcp: Later = None
    network_authorization: Later = None
    proxy: Later = None


class ShortForm(Schema):
    config: ConfigSpec = ConfigSpec()
    gateways: dict[str, GatewaySpec] = msgspec.field(default_factory=dict)
    llm: LlmSpec | None = None
    binds: Later = None
    frontend_policies: FrontendPolicies = FrontendPolicies()
    policies: Later = None
    workloads: Later = None
    services: Later = None
    backends: Later = None
    route_groups: Later = None
    routes: Later = None
    tcp_routes: Later = None
    mcp: Later = None
    ui: Later = None
