"""`promptGuard` of manifests to guards.

PURE. The guards of every layer are kept: nobody drops one that stands above.
"""

import msgspec

from sluice.config.faults import Faults, Path
from sluice.config.guard_api import NamedPattern, PromptGuard, RegexSettings, RequestGuard, ResponseGuard
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_rules import Spot, Stands, check_pattern, rejection_of, scopes_of, text_rules
from sluice.config.layers import Said
from sluice.policies.guards import Guard, Guards, TextRules

KINDS = {
    "regex": "regex",
    "webhook": "webhook",
    "moderation": "openAIModeration",
    "bedrock_guardrails": "bedrockGuardrails",
    "google_model_armor": "googleModelArmor",
    "azure_content_safety": "azureContentSafety",
}
"""Field of a guard's schema -> its key in files."""


def guards(said: Said[PromptGuard], judges: JudgeReader, faults: Faults, name: str) -> Guards:
    """Return the guards that one object says. `name`, its `namespace/name`, is what logs call them by; `judges` notes
    those that have no verdict."""
    settings = said.settings
    reader = GuardReader(said, judges, faults, name, streaming=settings.streaming)
    return Guards(
        request=tuple(reader.guard(item, ("request", index)) for index, item in enumerate(settings.request or ())),
        response=tuple(reader.guard(item, ("response", index)) for index, item in enumerate(settings.response or ())),
    )


class GuardReader:
    """Reads the guards of one object."""

    def __init__(self, said: Stands, judges: JudgeReader, faults: Faults, name: str, *, streaming: str) -> None:
        self.said, self.judges, self.faults, self._name = said, judges, faults, name
        self._open_layer = streaming.lower() == "disabled"

    def spot(self, path: Path, kind: str) -> Spot:
        """Return where a guard of a kind stands; `path` leads to the guard, or to where its kinds stand beside each
        other."""
        where = "".join(f"[{step}]" if isinstance(step, int) else step for step in path)
        name = f"{self._name} {where} {kind}"
        return Spot(said=self.said, path=(*path, kind), name=name, open_layer=self._open_layer)

    def guard(self, item: RequestGuard | ResponseGuard, path: Path) -> Guard:
        """Return one guard; `path` leads to it."""
        field = next(field for field in KINDS if getattr(item, field, None) is not None)
        spot = msgspec.structs.replace(
            self.spot(path, KINDS[field]),
            rejection=rejection_of(item.response, self.said, (*path, "response"), self.faults),
            scopes=scopes_of(item.scope if isinstance(item, RequestGuard) else None),
        )
        if item.regex is not None:
            return self.regex(item.regex, spot)
        if item.webhook is not None:
            return self.judges.webhook(item.webhook, spot)
        if item.bedrock_guardrails is not None:
            return self.judges.bedrock(item.bedrock_guardrails, spot)
        if item.google_model_armor is not None:
            return self.judges.model_armor(item.google_model_armor, spot)
        if item.azure_content_safety is not None:
            return self.judges.content_safety(item.azure_content_safety, spot)
        assert isinstance(item, RequestGuard)
        assert item.moderation is not None
        return self.judges.moderation(item.moderation, spot)

    def regex(self, spec: RegexSettings, spot: Spot) -> TextRules:
        """Return text rules; a pattern that cannot be used is a fault."""
        patterns = [item.pattern if isinstance(item, NamedPattern) else item for item in spec.matches]
        mask = spec.mask if spec.replacement is None else spec.replacement
        rules = text_rules(spot, spec, action=spec.action, builtins=spec.builtins, patterns=patterns, mask=mask)
        for index, pattern in enumerate(patterns):
            check_pattern(rules, pattern, spot, ("matches", index), self.faults)
        return rules
