"""Schemas of `policies.ai`, `spec.backend.ai` and `llm.policies.ai`.

PURE. Obeys: compat-agentgateway 2.3, and 3.2 for the short form. Values of `defaults` and `overrides` may be any JSON.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Schema, Text
from sluice.config.guard_api import PromptGuard
from sluice.config.guard_short_api import ShortPromptGuard
from sluice.config.shaping_api import FieldExpressions, Member, PromptCachingSettings
from sluice.config.unserved import Ignored

TypeWord = Literal[
    "Completions",
    "Messages",
    "Responses",
    "GenerateContent",
    "Models",
    "Embeddings",
    "Rerank",
    "AnthropicTokenCount",
    "GeminiCountTokens",
    "Realtime",
    "Detect",
    "Passthrough",
]
ShortTypeWord = Literal[
    "completions",
    "messages",
    "responses",
    "generateContent",
    "models",
    "embeddings",
    "rerank",
    "anthropicTokenCount",
    "geminiCountTokens",
    "realtime",
    "detect",
    "passthrough",
]
"""The same in the short form: with a small first letter."""
_ROLES = ("system", "developer", "user", "assistant")

Json = Ignored
"""Any JSON: it goes into a body as it stands, `json_text` checks it."""
Alias = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^*]*\*?[^*]*\Z")]
"""A model's name, with one `*` at most."""
Suffix = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^(\*|[^*\s?#]+)\Z")]
"""How a path ends; `*` is any path."""


class FieldValue(Schema):
    """One member and its value."""

    field: Member
    value: Json
    """Null included."""

    def __post_init__(self) -> None:
        json_text(self.value)


FieldValues = Annotated[tuple[FieldValue, ...], msgspec.Meta(min_length=1, max_length=64)]


class PromptMessage(Schema):
    """A message that the gateway adds. The role may be written in capitals, as the old pages do."""

    role: Text
    content: str

    def __post_init__(self) -> None:
        if self.role.lower() not in _ROLES:
            raise ValueError(f"expected one of the roles {', '.join(_ROLES)}")


class Prompt(Schema):
    prepend: tuple[PromptMessage, ...] = ()
    append: tuple[PromptMessage, ...] = ()


class AiSettings(Schema):
    """`policies.ai` of manifests."""

    routes: Annotated[dict[Suffix, TypeWord], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    defaults: FieldValues | None = None
    overrides: FieldValues | None = None
    model_aliases: Annotated[dict[Alias, Text], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    prompt: Prompt = Prompt()
    transformations: FieldExpressions | None = None
    final_transformations: FieldExpressions | None = None
    prompt_caching: PromptCachingSettings | None = None
    prompt_guard: PromptGuard | None = None

    def __post_init__(self) -> None:
        for name in ("defaults", "overrides"):
            fields = [item.field for item in getattr(self, name) or ()]
            if twice := next((field for field in fields if fields.count(field) > 1), ""):
                raise ValueError(f"the field `{twice}` stands twice in `{name}`")
        if not any(getattr(self, name) not in (None, {}, Prompt()) for name in self.__struct_fields__):
            raise ValueError("expected at least one setting")


JsonMap = Annotated[dict[Member, Json], msgspec.Meta(max_length=64)]


class ShortAiSettings(Schema):
    """`llm.policies.ai` of the short form: what compat 3.2 calls `policies.ai`. Here it applies to every model."""

    routes: Annotated[dict[Suffix, ShortTypeWord], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    defaults: JsonMap = msgspec.field(default_factory=dict)
    overrides: JsonMap = msgspec.field(default_factory=dict)
    model_aliases: Annotated[dict[Alias, Text], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=dict)
    prompts: Prompt = Prompt()
    transformations: FieldExpressions | None = None
    final_transformations: FieldExpressions | None = None
    prompt_caching: PromptCachingSettings | None = None
    prompt_guard: ShortPromptGuard | None = None

    def __post_init__(self) -> None:
        check_values(self.defaults, self.overrides)


def check_values(*maps: Mapping[str, object]) -> None:
    """Check that all values can be written as JSON.

    Raises:
        ValueError: one cannot; its member is named.
    """
    for values in maps:
        for name, value in values.items():
            try:
                json_text(value)
            except ValueError as error:
                raise ValueError(f"`{name}`: {error}") from None


def json_text(value: object) -> bytes:
    """Return a value of a file as JSON.

    Raises:
        ValueError: it is not JSON: YAML knows infinity and what is not a number.
    """
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise ValueError("the text is not valid Unicode") from None
    except ValueError:
        raise ValueError("infinity and NaN are not JSON") from None
