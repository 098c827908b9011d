"""Schema of AgentgatewayParameters, and of the same object as the enterprise labs write it: what surrounds the process.

PURE. Obeys: labs A001; agentgateway, api/v1alpha1 `AgentgatewayParameters` (read 2026-11-21). What a cluster does with
it (`deployment`, `service` ...) says nothing here. What is typed `Later` is refused when set.
"""

from typing import Literal

from sluice.config.core_api import Object, Schema
from sluice.config.short_form_api import ConfigSpec, FrontendPolicies
from sluice.config.unserved import Ignored, Later


class ParametersLogging(Schema):
    """Stands over what `rawConfig` says."""

    level: Literal["debug", "info", "warn", "error"] | None = None
    format: Literal["json", "text", "Json", "Plain"] | None = None


class RawConfig(Schema):
    """A file of the process, in which only what is to be seen of exchanges is read."""

    config: ConfigSpec = ConfigSpec()
    frontend_policies: FrontendPolicies = FrontendPolicies()
    binds: Later = None
    gateways: Later = None
    llm: Later = None
    mcp: Later = None
    policies: Later = None
    backends: Later = None


class ParametersSpec(Schema):
    logging: ParametersLogging = ParametersLogging()
    raw_config: RawConfig = RawConfig()
    shared_extensions: Ignored = None
    workload: Ignored = None
    image: Ignored = None
    env: Ignored = None
    resources: Ignored = None
    shutdown: Ignored = None
    istio: Ignored = None
    labels: Ignored = None
    annotations: Ignored = None
    deployment: Ignored = None
    daemon_set: Ignored = None
    service: Ignored = None
    service_account: Ignored = None
    pod_disruption_budget: Ignored = None
    horizontal_pod_autoscaler: Ignored = None


class AgentgatewayParameters(Object, kw_only=True):
    spec: ParametersSpec = ParametersSpec()


class EnterpriseAgentgatewayParameters(AgentgatewayParameters, kw_only=True):
    """The same."""
