"""What `policies.ai`, `spec.backend.ai` and `llm.policies.ai` come to.

PURE. Obeys: compat-agentgateway 2.3, and 3.2 for the short form. Values of `defaults` and `overrides` are kept as the
JSON text that goes into the body.
"""

from collections.abc import Iterable
from functools import partial
from typing import TypedDict, TypeVar

import msgspec

from sluice.config.ai_api import AiSettings, PromptMessage, ShortAiSettings, TypeWord, json_text
from sluice.config.expressions import members as expressions
from sluice.config.faults import Faults
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_policy import guards
from sluice.config.guard_short import short_guards
from sluice.config.layers import Said
from sluice.config.shaping_policy import prompt_caching
from sluice.policies.ai import AiPolicy, RouteType
from sluice.policies.guards import NO_GUARDS
from sluice.policies.prompt_caching import PromptCaching

T = TypeVar("T")

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
_SHORT_TYPES = {word[0].lower() + word[1:]: kind for word, kind in _TYPES.items()}


class _Shared(TypedDict):
    """What both forms say in the same words."""

    transformations: tuple[tuple[str, str], ...]
    final_transformations: tuple[tuple[str, str], ...]
    prompt_caching: PromptCaching | None


class AiReader:
    """Reads them for one configuration. `judges` finds the services of guards, and notes those that are missing."""

    def __init__(self, judges: JudgeReader, faults: Faults) -> None:
        self.judges, self._faults = judges, faults

    def policy(self, said: Said[AiSettings], name: str) -> AiPolicy:
        """Return what a manifest's `ai` comes to; its guards are called by `name`, the object's `namespace/name`."""
        settings = said.settings
        found = NO_GUARDS
        if settings.prompt_guard is not None:
            found = guards(said.part(settings.prompt_guard, "promptGuard"), self.judges, self._faults, name)
        return AiPolicy(
            routes=tuple((suffix, _TYPES[word]) for suffix, word in settings.routes.items()),
            aliases=tuple(settings.model_aliases.items()),
            defaults=members((item.field, item.value) for item in settings.defaults or ()),
            overrides=members((item.field, item.value) for item in settings.overrides or ()),
            prepend=messages(settings.prompt.prepend),
            append=messages(settings.prompt.append),
            guards=found,
            **self._shared(said, settings),
        )

    def short(self, said: Said[ShortAiSettings], name: str) -> AiPolicy:
        """Return what `ai` of the short form comes to."""
        settings = said.settings
        found = NO_GUARDS
        if settings.prompt_guard is not None:
            found = short_guards(said.part(settings.prompt_guard, "promptGuard"), self.judges, self._faults, name)
        return AiPolicy(
            routes=tuple((suffix, _SHORT_TYPES[word]) for suffix, word in settings.routes.items()),
            aliases=tuple(settings.model_aliases.items()),
            defaults=members(settings.defaults.items()),
            overrides=members(settings.overrides.items()),
            prepend=messages(settings.prompts.prepend),
            append=messages(settings.prompts.append),
            guards=found,
            **self._shared(said, settings),
        )

    def _shared(self, said: Said[T], settings: AiSettings | ShortAiSettings) -> _Shared:
        return _Shared(
            transformations=expressions(settings.transformations, partial(said.place, "transformations"), self._faults),
            final_transformations=expressions(
                settings.final_transformations, partial(said.place, "finalTransformations"), self._faults
            ),
            prompt_caching=prompt_caching(settings.prompt_caching),
        )


def members(values: Iterable[tuple[str, object]]) -> tuple[tuple[str, msgspec.Raw], ...]:
    """Return members of a body with their values as JSON text."""
    return tuple((name, msgspec.Raw(json_text(value))) for name, value in values)


def messages(items: tuple[PromptMessage, ...]) -> tuple[tuple[str, str], ...]:
    """Return messages that the gateway adds, as the Plan has them."""
    return tuple((item.role.lower(), item.content) for item in items)
