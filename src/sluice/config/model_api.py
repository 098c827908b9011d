"""Schema of agentgateway.dev/v1alpha1 AgentgatewayModel: one model, served on the unified addresses of a Gateway.

PURE. Obeys: compat-agentgateway 2.6. What is typed `Later` is refused when set. Departure: `baseURL` may lead to this
machine; the rule against it protects a cluster's own services, and Ollama is on the next port here.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.access_api import AuthorizationSettings
from sluice.config.backend_api import Azure, Bedrock, Custom, VertexAi
from sluice.config.backend_policy_api import Auth, BackendTls, exactly_one
from sluice.config.clock_policy import ModelTimeouts
from sluice.config.core_api import Expression, Name, Object, Schema
from sluice.config.gateway_api import ParentReference
from sluice.config.guard_api import PromptGuard
from sluice.config.health_policy import HealthSettings
from sluice.config.shaping_api import FieldExpressions, HeaderModifiers
from sluice.config.unserved import Later

ProviderWord = Literal[
    "OpenAI",
    "Anthropic",
    "Gemini",
    "VertexAI",
    "Bedrock",
    "Azure",
    "Custom",
    "Cohere",
    "Ollama",
    "Baseten",
    "Cerebras",
    "Deepinfra",
    "Deepseek",
    "Groq",
    "Huggingface",
    "Mistral",
    "Openrouter",
    "TogetherAI",
    "XAI",
    "Fireworks",
    "Fake",
]
"""`Fake` is the built-in provider that needs no key: an addition of Sluice."""
_OWN_SETTINGS = {"azure": "Azure", "vertexai": "VertexAI", "bedrock": "Bedrock", "custom": "Custom"}

ModelName = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^[^*]+\Z")]
ModelPattern = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^(\*|\*?[^*]+|[^*]+\*)\Z")]
"""Exact, `prefix*`, `*suffix` or `*`."""


class ModelMatch(Schema):
    model: ModelPattern | None = None
    """Unset = the name of the object, exactly."""


class ModelPolicies(Schema):
    auth: Auth | None = None
    tls: BackendTls | None = None
    authorization: AuthorizationSettings | None = None
    transformations: FieldExpressions | None = None
    final_transformations: FieldExpressions | None = None
    headers: HeaderModifiers | None = None
    health: HealthSettings | None = None
    timeouts: ModelTimeouts | None = None
    """An addition of Sluice."""
    prompt_guard: PromptGuard | None = None
    tunnel: Later = None

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in self.__struct_fields__):
            raise ValueError("expected at least one policy")


class ModelReference(Schema):
    """A model of the same namespace."""

    name: Name


class ModelTarget(Schema):
    model_ref: ModelReference
    model: ModelName | None = None
    """The name that is asked for through the referenced model; needed if that one has a pattern."""


class WeightedTarget(ModelTarget, kw_only=True):
    weight: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1


class PriorityTarget(ModelTarget, kw_only=True):
    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    """Lower values are preferred."""


class ConditionalTarget(ModelTarget, kw_only=True):
    when: Expression | None = None
    """CEL; only the last target may go without."""


class Weighted(Schema):
    targets: Annotated[tuple[WeightedTarget, ...], msgspec.Meta(min_length=1, max_length=64)]


class Failover(Schema):
    targets: Annotated[tuple[PriorityTarget, ...], msgspec.Meta(min_length=1, max_length=64)]


class Conditional(Schema):
    targets: Annotated[tuple[ConditionalTarget, ...], msgspec.Meta(min_length=1, max_length=64)]

    def __post_init__(self) -> None:
        if any(target.when is None for target in self.targets[:-1]):
            raise ValueError("only the last target may have no `when`")


class VirtualModel(Schema):
    weighted: Weighted | None = None
    failover: Failover | None = None
    conditional: Conditional | None = None

    def __post_init__(self) -> None:
        exactly_one(self, ("weighted", "failover", "conditional"))


class ModelSpec(Schema):
    parent_refs: Annotated[tuple[ParentReference, ...], msgspec.Meta(min_length=1, max_length=16)]
    match: ModelMatch = ModelMatch()
    visibility: Literal["Public", "Internal"] = "Public"
    provider: ProviderWord | None = None
    azure: Azure | None = None
    vertexai: VertexAi | None = None
    bedrock: Bedrock | None = None
    custom: Custom | None = None
    base_url: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | None = msgspec.field(
        name="baseURL", default=None
    )
    """Replaces the provider's address and base path."""
    policies: ModelPolicies | None = None
    virtual_model: VirtualModel | None = None

    def __post_init__(self) -> None:
        exactly_one(self, ("provider", "virtual_model"))
        for field, word in _OWN_SETTINGS.items():
            if (getattr(self, field) is not None) != (self.provider == word):
                raise ValueError(f"`{field}` must be set if and only if `provider` is {word}")
        if self.provider == "Ollama" and self.base_url is None:
            raise ValueError("the provider Ollama needs `baseURL`")
        if self.custom is not None and (self.custom.backend_ref is None) == (self.base_url is None):
            raise ValueError("a custom provider needs either `custom.backendRef` or `baseURL`")
        if self.virtual_model is not None:
            self._check_virtual()

    def _check_virtual(self) -> None:
        if self.policies is not None or self.base_url is not None:
            raise ValueError("`policies` and `baseURL` do not go with `virtualModel`")
        if self.visibility == "Internal":
            raise ValueError("a virtual model must be Public")
        if "*" in (self.match.model or ""):
            raise ValueError("the `match.model` of a virtual model must be an exact name")


class AgentgatewayModel(Object, kw_only=True):
    spec: ModelSpec
