"""Schema of a provider's settings in the short form: `params`, and a provider without a word of its own.

PURE. Obeys: compat-agentgateway 3.1. What is typed `Later` is refused when set.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.backend_api import Label, Version
from sluice.config.backend_policy_api import PathText, exactly_one
from sluice.config.core_api import Schema, Text
from sluice.config.unserved import Later


class Params(Schema):
    """A provider's settings. A model's own win over those of the provider that it refers to, one by one."""

    model: Text | None = None
    """The provider's name of the model; unset = the name that the client sent."""
    api_key: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    base_url: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    host_override: Text | None = None
    path_override: PathText | None = None
    path_prefix: PathText | None = None
    tokenize: Later = None
    aws_region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+\Z")] | None = None
    vertex_region: Label | None = None
    vertex_project: Label | None = None
    azure_resource_name: Label | None = None
    azure_resource_type: Literal["openAI", "OpenAI", "foundry", "Foundry", "aiServices"] | None = None
    azure_api_version: Version | None = None
    azure_project_name: Text | None = None

    def __post_init__(self) -> None:
        exactly_one(self, ("base_url", "host_override"), at_most=True)
        exactly_one(self, ("path_override", "path_prefix"), at_most=True)


class ShortFormat(Schema):
    """A format that a provider speaks, and its whole path, if it is not the usual one."""

    type: Literal[
        "completions",
        "messages",
        "responses",
        "generateContent",
        "embeddings",
        "anthropicTokenCount",
        "realtime",
        "rerank",
    ]
    path: PathText | None = None


class CustomSpec(Schema):
    """A provider that has no word of its own. Where it is, `params` says: `baseUrl` or `hostOverride`."""

    formats: Annotated[tuple[ShortFormat, ...], msgspec.Meta(min_length=1, max_length=8)]
    provider_override: Text | None = None
    """Its name in metrics and logs; unset = `custom`."""
    model: Text | None = None
    """As `params.model`, which wins."""

    def __post_init__(self) -> None:
        types = [item.type for item in self.formats]
        if len(types) != len(set(types)):
            raise ValueError("two formats have the same type")
