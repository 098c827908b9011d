"""`guardrails` of the short form to guards.

PURE.
"""

import msgspec

from sluice.config.ai_api import json_text
from sluice.config.faults import Faults, Path
from sluice.config.guard_api import BedrockSettings, HeaderMatch
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_policy import KINDS, GuardReader
from sluice.config.guard_rules import Spot, check_pattern, header_change, scopes_of, text_rules
from sluice.config.guard_services import Asking
from sluice.config.guard_short_api import (
    ShortBedrock,
    ShortHeaderMatch,
    ShortPromptGuard,
    ShortRegex,
    ShortRejection,
    ShortRequestGuard,
    ShortResponseGuard,
    ShortWebhook,
    ValueMatch,
)
from sluice.config.judging import JudgeService
from sluice.config.layers import Said
from sluice.policies.guards import Guard, Guards, Judge, Rejection, TextRules


def short_guards(said: Said[ShortPromptGuard], judges: JudgeReader, faults: Faults, name: str) -> Guards:
    """Return the guards that one mapping says; see `guard_policy.guards`."""
    settings = said.settings
    reader = _Reader(GuardReader(said, judges, faults, name, streaming=settings.streaming))
    return Guards(
        request=tuple(reader.guard(item, ("request", index)) for index, item in enumerate(settings.request or ())),
        response=tuple(reader.guard(item, ("response", index)) for index, item in enumerate(settings.response or ())),
    )


class _Reader:
    """Reads the guards of one mapping."""

    def __init__(self, reader: GuardReader) -> None:
        self._reader, self._judges, self._faults, self._said = reader, reader.judges, reader.faults, reader.said

    def guard(self, item: ShortRequestGuard | ShortResponseGuard, path: Path) -> Guard:
        field = next(field for field in KINDS if getattr(item, field, None) is not None)
        spot = msgspec.structs.replace(
            self._reader.spot(path, KINDS[field]),
            rejection=self._rejection(item.rejection, (*path, "rejection")),
            scopes=scopes_of(item.scope if isinstance(item, ShortRequestGuard) else None),
        )
        if item.regex is not None:
            return self._regex(item.regex, spot)
        if item.webhook is not None:
            return self._webhook(item.webhook, spot)
        if item.bedrock_guardrails is not None:
            return self._judges.bedrock(_bedrock(item.bedrock_guardrails), spot)
        if item.google_model_armor is not None:
            return self._judges.model_armor(item.google_model_armor, spot)
        if item.azure_content_safety is not None:
            return self._judges.content_safety(item.azure_content_safety, spot)
        assert isinstance(item, ShortRequestGuard)
        assert item.moderation is not None
        return self._judges.moderation(item.moderation, spot)

    def _rejection(self, spec: ShortRejection, path: Path) -> Rejection:
        message = spec.body if isinstance(spec.body, str) else None
        if spec.body is not None and message is None:
            try:
                message = json_text(spec.body).decode()
            except ValueError as error:
                self._faults.add(self._said.place(*path, "body"), str(error))
        headers = header_change(spec.headers, self._said, (*path, "headers"), self._faults)
        return Rejection(status=spec.status, message=message, headers=headers)

    def _regex(self, spec: ShortRegex, spot: Spot) -> TextRules:
        patterns = [rule.pattern for rule in spec.rules if rule.pattern is not None]
        builtins = [rule.builtin for rule in spec.rules if rule.builtin is not None]
        mask = spec.mask if spec.replacement is None else spec.replacement
        rules = text_rules(spot, spec, action=spec.action, builtins=builtins, patterns=patterns, mask=mask)
        for index, rule in enumerate(spec.rules):
            if rule.pattern is not None:
                check_pattern(rules, rule.pattern, spot, ("rules", index, "pattern"), self._faults)
        return rules

    def _webhook(self, spec: ShortWebhook, spot: Spot) -> Judge:
        services = self._judges.services

        def find(asking: Asking) -> JudgeService:
            if spec.target is None:
                return services.at(asking, spec.url or "")
            return services.beside(asking, spec.target if isinstance(spec.target, str) else spec.target.address)

        forwarded = tuple(_match(row) for row in spec.forward_header_matches)
        return self._judges.told(spec, spot, find, forwarded, spec.headers)


def _match(row: ShortHeaderMatch) -> HeaderMatch:
    if isinstance(row.value, ValueMatch) and row.value.exact is not None:
        return HeaderMatch(name=row.name, value=row.value.exact)
    if isinstance(row.value, str):
        return HeaderMatch(name=row.name, value=row.value)
    pattern = row.value.regex if row.value is not None else None
    return HeaderMatch(name=row.name, value=pattern or ".*", type="RegularExpression")


def _bedrock(spec: ShortBedrock) -> BedrockSettings:
    """The same as manifests write it."""
    return BedrockSettings(
        identifier=spec.guardrail_identifier,
        version=spec.guardrail_version,
        region=spec.region,
        url=spec.url,
        failure_mode=spec.failure_mode,
        timeout=spec.timeout,
        policies=spec.policies,
    )
