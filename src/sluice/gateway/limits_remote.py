"""What rate-limit services are asked about a request, and told when it is over.

A service only adds up. So a limit of tokens is only looked at when the request comes, and told the whole when the
answer has ended; what is under way in between it does not know of.
Obeys: compat-agentgateway 1.8; envoy/service/ratelimit/v3/rls.proto (read 2026-11-21).
"""

from collections.abc import Mapping

import msgspec

from sluice.chat.usage import Usage
from sluice.gateway.limits_keys import compiled, entries_of
from sluice.gateway.limits_ports import Hits
from sluice.policies.charge import Answered
from sluice.policies.cost import Cost
from sluice.policies.limiting import Remote, RemoteDescriptor
from sluice.policies.scene import Fact, Scene

UNITS: Mapping[str, int] = {"SECOND": 1, "MINUTE": 2, "HOUR": 3, "DAY": 4, "MONTH": 5, "YEAR": 6}
"""As envoy/type/v3/ratelimit_unit.proto numbers them."""
MAX_HITS = (1 << 32) - 1


class Report(msgspec.Struct, frozen=True):
    """Descriptors of tokens, whose count is told at the end."""

    remote: Remote
    due: tuple[tuple[RemoteDescriptor, Hits], ...]

    def hits(self, scene: Scene, tokens: int) -> list[Hits]:
        """Return what is to be told of an exchange that used so many tokens."""
        counted = [(hits, _number(spec.cost, scene, tokens)) for spec, hits in self.due]
        return [Hits(hits.entries, count, hits.override) for hits, count in counted if count]


def told(answered: Answered, usage: Usage, cost: Cost) -> dict[str, Fact]:
    """Return what the variable `llm` says of an exchange that is over. `usage`: what it is charged for."""
    return {
        "streaming": answered.streaming,
        "requestModel": answered.asked_model,
        "responseModel": answered.model,
        "provider": answered.provider,
        "inputTokens": usage.input_tokens,
        "inputAudioTokens": usage.input_audio_tokens,
        "cachedInputTokens": usage.cache_read_tokens,
        "cacheCreationInputTokens": usage.cache_write_tokens,
        "outputTokens": usage.output_tokens,
        "outputAudioTokens": usage.output_audio_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "totalTokens": usage.total_tokens,
        "cost": cost.members(),
    }


def asked(remote: Remote, scene: Scene, *, uses_tokens: bool) -> tuple[list[Hits], Report]:
    """Return what a service is asked about a request. A descriptor of which a part cannot be told is left out."""
    hits: list[Hits] = []
    due: list[tuple[RemoteDescriptor, Hits]] = []
    for spec in remote.descriptors:
        entries = entries_of(spec.parts, scene)
        if entries is None or (spec.measure == "tokens" and not uses_tokens):
            continue
        count = _number(spec.cost, scene, 1) if spec.measure == "requests" else 0
        each = Hits(entries, count, _override(spec.limit_override, scene))
        hits.append(each)
        if spec.measure == "tokens":
            due.append((spec, each))
    return hits, Report(remote, tuple(due))


def _number(expression: str, scene: Scene, default: int) -> int:
    """What a cost comes to; if it fails, the default: a mistake must not make requests free."""
    if not expression:
        return default
    try:
        value = compiled(expression).value(scene)
    except LookupError:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return default
    return int(min(value, MAX_HITS))


def _override(expression: str, scene: Scene) -> tuple[int, int] | None:
    """Another limit than the service's own; None = what the expression comes to is none."""
    if not expression:
        return None
    try:
        value = compiled(expression).value(scene)
    except LookupError:
        return None
    if not isinstance(value, dict):
        return None
    count, unit = value.get("requests_per_unit", value.get("requestsPerUnit")), value.get("unit")
    number = UNITS.get(unit.upper()) if isinstance(unit, str) else unit
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_HITS:
        return None
    return (count, number) if isinstance(number, int) and number in UNITS.values() else None
