"""Schema of agentgateway.dev/v1alpha1 AgentgatewayPolicy.

PURE. Obeys: compat-agentgateway 2.5, the names of stream-life 9 included. What is typed `Later` is refused when set.
"""

from sluice.config.backend_policy_api import BackendPolicies, exactly_one
from sluice.config.core_api import Object, Schema
from sluice.config.legacy_api import LegacyAi, TargetReferences, TargetSelectors
from sluice.config.traffic_api import TrafficSettings
from sluice.config.unserved import Later


class Traffic(TrafficSettings):
    phase: Later = None
    jwt_authentication: Later = None
    api_key_authentication: Later = None
    basic_authentication: Later = None
    authorization: Later = None
    ext_auth: Later = None
    ext_proc: Later = None
    rate_limit: Later = None
    cors: Later = None
    csrf: Later = None
    header_modifiers: Later = None
    host_rewrite: Later = None
    direct_response: Later = None
    delay: Later = None
    buffer: Later = None
    transformation: Later = None
    budgets: Later = None


class Frontend(Schema):
    http: Later = None
    tls: Later = None
    tcp: Later = None
    access_log: Later = None
    tracing: Later = None
    metrics: Later = None
    network_authorization: Later = None
    proxy_protocol: Later = None
    connect: Later = None


class PolicySpec(Schema):
    target_refs: TargetReferences | None = None
    target_selectors: TargetSelectors | None = None
    backend: BackendPolicies | None = None
    traffic: Traffic | None = None
    frontend: Frontend | None = None
    ai: LegacyAi | None = None
    strategy: Later = None

    def __post_init__(self) -> None:
        exactly_one(self, ("target_refs", "target_selectors"))
        if not (self.backend or self.traffic or self.frontend or self.ai):
            raise ValueError("expected at least one of `frontend`, `traffic`, `backend`")
        if len({(ref.group, ref.kind) for ref in self.target_refs or ()}) > 1:
            raise ValueError("all `targetRefs` must be of one kind")


class AgentgatewayPolicy(Object, kw_only=True):
    spec: PolicySpec
