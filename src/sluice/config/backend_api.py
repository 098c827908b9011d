"""Schema of agentgateway.dev/v1alpha1 AgentgatewayBackend.

PURE. Obeys: compat-agentgateway 2.2. What is typed `Later` is refused when set. The keys of providers stand here
because they are field names of that API; whether one is served is the registry's answer, not this file's.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.backend_policy_api import BackendPolicies, PathText, exactly_one
from sluice.config.core_api import Host, Name, Object, Port, Schema, Text
from sluice.config.struct_fields import fields_of
from sluice.config.unserved import Later

Version = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+\Z")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?\Z")]
"""Part of a host name."""


_NO_VARIABLES = ("model", "endpoint", "deploymentName")


class OpenAiModel(Schema):
    """A provider whose only own settings are a model and moderation."""

    model: Text | None = None
    moderation: Later = None


class ModelOnly(Schema):
    model: Text | None = None


class AzureOpenAi(Schema):
    """The older form of `azure`."""

    endpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^(https?://)?[^/@?#\s]+/?\Z")]
    """A host name; with a scheme it is understood too."""
    deployment_name: Text | None = None
    api_version: Version | None = None

    @property
    def model(self) -> str | None:
        return self.deployment_name


class Azure(ModelOnly, kw_only=True):
    resource_name: Label
    resource_type: Literal["OpenAI", "Foundry"]
    api_version: Version | None = None
    """Unset = `v1`."""
    project_name: Text | None = None

    def __post_init__(self) -> None:
        if self.resource_type == "Foundry" and self.project_name is None:
            raise ValueError("a resource of type Foundry needs `projectName`")


class VertexAi(ModelOnly, kw_only=True):
    project_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    region: Label | None = None
    """Unset = `global`."""


class Guardrail(Schema):
    identifier: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    version: Text


class Bedrock(ModelOnly, kw_only=True):
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+\Z")] | None = None
    """Unset = `us-east-1`."""
    guardrail: Guardrail | None = None
    """Every request is checked by it, whatever guardrail the client names."""


def own_settings(body: msgspec.Struct) -> dict[str, str]:
    """Return a provider's own settings (the value of its key) by their names in files, those inside a mapping with a
    dot (`guardrail.version`); without the model and what leads elsewhere."""
    said: dict[str, str] = {}
    for field in fields_of(body):
        value = getattr(body, field.name)
        if isinstance(value, Guardrail):
            said |= {f"{field.encode_name}.{name}": text for name, text in own_settings(value).items()}
        elif isinstance(value, str) and field.encode_name not in _NO_VARIABLES:
            said[field.encode_name] = value
    return said


class CustomFormat(Schema):
    type: Literal["Completions", "Messages", "Responses", "Embeddings", "AnthropicTokenCount", "Realtime", "Rerank"]
    path: PathText | None = None


class ServiceReference(Schema):
    """A Service of the object's own namespace."""

    name: Name
    port: Port | None = None
    """Unset = the Service's only one."""
    group: Literal[""] = ""
    kind: Literal["Service", "InferencePool"] = "Service"


class Custom(ModelOnly, kw_only=True):
    formats: Annotated[tuple[CustomFormat, ...], msgspec.Meta(min_length=1, max_length=6)]
    backend_ref: ServiceReference | None = None

    def __post_init__(self) -> None:
        types = [item.type for item in self.formats]
        if len(types) != len(set(types)):
            raise ValueError("two formats have the same type")


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
        if self.path_prefix is not None and self.host is None and not self.refers:
            raise ValueError("`pathPrefix` needs `host`")
        if self.custom is not None:
            self._check_custom(self.custom)

    def _check_custom(self, custom: Custom) -> None:
        if (custom.backend_ref is None) == (self.host is None):
            raise ValueError("a custom provider needs either `backendRef` or `host` and `port`")
        if self.path is not None and any(item.path is not None for item in custom.formats):
            raise ValueError("`path` and the paths of `formats` exclude each other")

    @property
    def refers(self) -> bool:
        return self.custom is not None and self.custom.backend_ref is not None

    @property
    def key(self) -> str:
        """The provider key that is set."""
        return next(name for name in PROVIDER_KEYS if getattr(self, name) is not None)

    @property
    def model(self) -> str:
        return getattr(getattr(self, self.key), "model", None) or ""

    @property
    def base_url(self) -> str:
        """Where the provider is, if its own settings say so."""
        if self.azureopenai is None:
            return ""
        endpoint = self.azureopenai.endpoint
        return endpoint if "://" in endpoint else f"https://{endpoint}"

    @property
    def settings(self) -> dict[str, str]:
        return own_settings(getattr(self, self.key))


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
