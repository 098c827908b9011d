"""Schema of agentgateway.dev/v1alpha1 AgentgatewayBackend.

PURE. Obeys: compat-agentgateway 2.2. What is typed `Later` is refused when set. The keys of providers stand here
because they are field names of that API; whether one is served is the registry's answer, not this file's.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.backend_policy_api import BackendPolicies, PathText, exactly_one
from sluice.config.core_api import Host, Name, Object, Port, Schema, Text
from sluice.config.unserved import Ignored, Later


class OpenAiModel(Schema):
    """A provider whose only own settings are a model and moderation."""

    model: Text | None = None
    moderation: Later = None


class ModelOnly(Schema):
    model: Text | None = None


class AzureOpenAi(Schema):
    endpoint: Text
    deployment_name: Text | None = None
    api_version: Text | None = None


class Azure(ModelOnly, kw_only=True):
    resource_name: Text
    resource_type: Literal["OpenAI", "Foundry"]
    api_version: Text = "v1"
    project_name: Text | None = None


class VertexAi(ModelOnly, kw_only=True):
    project_id: Text
    region: Text = "global"


class Bedrock(ModelOnly, kw_only=True):
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+$")] = "us-east-1"
    guardrail: dict[str, str] | None = None


class CustomFormat(Schema):
    type: Literal["Completions", "Messages", "Responses", "Embeddings", "AnthropicTokenCount", "Realtime", "Rerank"]
    path: PathText | None = None


class Custom(ModelOnly, kw_only=True):
    formats: Annotated[tuple[CustomFormat, ...], msgspec.Meta(min_length=1, max_length=6)]
    backend_ref: Ignored = None


PROVIDER_KEYS = ("openai", "azureopenai", "azure", "anthropic", "gemini", "vertexai", "bedrock", "custom", "fake")


class AiProvider(Schema):
    """Who answers: exactly one provider key, and where it is when not at its usual address."""

    openai: OpenAiModel | None = None
    azureopenai: AzureOpenAi | None = None
    azure: Azure | None = None
    anthropic: ModelOnly | None = None
    gemini: ModelOnly | None = None
    vertexai: VertexAi | None = None
    bedrock: Bedrock | None = None
    custom: Custom | None = None
    fake: ModelOnly | None = None
    """The built-in provider that needs no key. An addition of Sluice."""
    host: Host | None = None
    port: Port | None = None
    path: PathText | None = None
    """The whole path of a chat request."""
    path_prefix: PathText | None = None
    """Replaces the provider's base path, `/v1`."""

    def __post_init__(self) -> None:
        exactly_one(self, PROVIDER_KEYS)
        if (self.host is None) != (self.port is None):
            raise ValueError("`host` and `port` must be set together")
        if self.path is not None and self.path_prefix is not None:
            raise ValueError("`path` and `pathPrefix` exclude each other")
        if self.path_prefix is not None and self.host is None:
            raise ValueError("`pathPrefix` needs `host`")

    @property
    def key(self) -> str:
        """The provider key that is set."""
        return next(name for name in PROVIDER_KEYS if getattr(self, name) is not None)

    @property
    def model(self) -> str:
        return getattr(getattr(self, self.key), "model", None) or ""


class NamedProvider(AiProvider, kw_only=True):
    """A provider of a group."""

    name: Name
    policies: BackendPolicies | None = None


class ProviderGroup(Schema):
    providers: Annotated[tuple[NamedProvider, ...], msgspec.Meta(min_length=1, max_length=16)]

    def __post_init__(self) -> None:
        names = [provider.name for provider in self.providers]
        if len(names) != len(set(names)):
            raise ValueError("two providers of the group have the same name")


class AiSpec(Schema):
    provider: AiProvider | None = None
    groups: Annotated[tuple[ProviderGroup, ...], msgspec.Meta(min_length=1, max_length=8)] | None = None
    """In order of priority."""

    def __post_init__(self) -> None:
        exactly_one(self, ("provider", "groups"))


class StaticSpec(Schema):
    host: Host | None = None
    port: Port | None = None
    unix_path: Later = None

    def __post_init__(self) -> None:
        if self.unix_path is None and (self.host is None or self.port is None):
            raise ValueError("`host` and `port` are needed")


class BackendSpec(Schema):
    static: StaticSpec | None = None
    ai: AiSpec | None = None
    dynamic_forward_proxy: Later = None
    mcp: Later = None
    aws: Later = None
    a2a: Later = None
    policies: BackendPolicies | None = None

    def __post_init__(self) -> None:
        exactly_one(self, ("static", "ai", "dynamic_forward_proxy", "mcp", "aws", "a2a"))


class AgentgatewayBackend(Object, kw_only=True):
    spec: BackendSpec
