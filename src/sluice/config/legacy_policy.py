"""The older form of `ai` to what it is called now.

PURE.
"""

from sluice.config.ai_policy import AiReader, members, messages
from sluice.config.faults import Faults
from sluice.config.guard_legacy import legacy_guards
from sluice.config.layers import Said
from sluice.config.legacy_api import LegacyAi
from sluice.policies.ai import AiPolicy
from sluice.policies.guards import NO_GUARDS


def legacy_ai(said: Said[LegacyAi], reader: AiReader, faults: Faults, name: str) -> AiPolicy:
    """Return what the older `ai` says, but for the type of the route; see `AiReader.policy`."""
    settings = said.settings
    found, prompt = NO_GUARDS, settings.prompt_enrichment
    if settings.prompt_guard is not None:
        found = legacy_guards(said.part(settings.prompt_guard, "promptGuard"), reader.judges, faults, name)
    values = settings.defaults or ()
    return AiPolicy(
        defaults=members((item.field, item.value) for item in values if not item.override),
        overrides=members((item.field, item.value) for item in values if item.override),
        prepend=() if prompt is None else messages(prompt.prepend),
        append=() if prompt is None else messages(prompt.append),
        guards=found,
    )
