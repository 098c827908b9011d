"""`policies.ai`, `spec.backend.ai` and `llm.policies.ai`: their schemas, and what they compile to.

PURE. Obeys: compat-agentgateway 2.3, and 3.2 for the short form. Values of `defaults` and `overrides` may be any JSON;
they are kept as the JSON text that goes into the body. What is typed `Later` is refused when set.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Schema, Text
from sluice.config.unserved import Ignored, Later
from sluice.policies.ai import AiPolicy, RouteType

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
_TYPES: dict[TypeWord, RouteType] = {
    "Completions": "completions",
    "Messages": "messages",
    "Responses": "responses",
    "GenerateContent": "generate_content",
    "Models": "models",
    "Embeddings": "embeddings",
    "Rerank": "rerank",
    "AnthropicTokenCount": "messages_token_count",
    "GeminiCountTokens": "content_token_count",
    "Realtime": "realtime",
    "Detect": "detect",
    "Passthrough": "passthrough",
}
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
Member = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^.]+(\.[^.]+)*\Z")]
"""A member of the client's body; a dotted path leads into nested objects: `generationConfig.temperature`."""
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
    transformations: Later = None
    final_transformations: Later = None
    prompt_caching: Later = None
    prompt_guard: Later = None

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
    transformations: Later = None
    final_transformations: Later = None
    prompt_caching: Later = None
    prompt_guard: Later = None

    def __post_init__(self) -> None:
        check_values(self.defaults, self.overrides)


def ai_policy(settings: AiSettings | None) -> AiPolicy:
    """Return what a manifest's `policies.ai` comes to; None says nothing."""
    if settings is None:
        return AiPolicy()
    return AiPolicy(
        routes=tuple((suffix, _TYPES[word]) for suffix, word in settings.routes.items()),
        aliases=tuple(settings.model_aliases.items()),
        defaults=members((item.field, item.value) for item in settings.defaults or ()),
        overrides=members((item.field, item.value) for item in settings.overrides or ()),
        prepend=_messages(settings.prompt.prepend),
        append=_messages(settings.prompt.append),
    )


def short_ai_policy(settings: ShortAiSettings) -> AiPolicy:
    """Return what `llm.policies.ai` comes to."""
    types = {word[0].lower() + word[1:]: kind for word, kind in _TYPES.items()}
    return AiPolicy(
        routes=tuple((suffix, types[word]) for suffix, word in settings.routes.items()),
        aliases=tuple(settings.model_aliases.items()),
        defaults=members(settings.defaults.items()),
        overrides=members(settings.overrides.items()),
        prepend=_messages(settings.prompts.prepend),
        append=_messages(settings.prompts.append),
    )


def members(values: Iterable[tuple[str, object]]) -> tuple[tuple[str, msgspec.Raw], ...]:
    """Return members of a body with their values as JSON text."""
    return tuple((name, msgspec.Raw(json_text(value))) for name, value in values)


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


def _messages(items: tuple[PromptMessage, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((item.role.lower(), item.content) for item in items)
