"""Guards that ask a service, from the settings of manifests and of the short form alike.

PURE. A service that cannot be found, or a credential that is missing, makes a guard without a verdict: it fails as its
`failureMode` says, and `troubles` tells why. Wrong expressions and patterns are faults at their place.
"""

from collections.abc import Callable

import msgspec

from sluice.config.faults import Faults, Path
from sluice.config.guard_api import (
    BedrockSettings,
    ContentSafetySettings,
    HeaderMatches,
    ModelArmorSettings,
    ModerationSettings,
    ServiceSettings,
    ServiceTarget,
    WebhookSettings,
)
from sluice.config.guard_rules import FRAMING, Spot
from sluice.config.guard_services import Asking, GuardServices
from sluice.config.judging import Forwarded, JudgeService, MissingJudge, RemoteJudge
from sluice.config.pattern import compile_pattern
from sluice.config.references import Unresolved
from sluice.policies.guards import Judge
from sluice.policies.scene import ASKED
from sluice.policies.value import Value
from sluice.providers.judge_azure import ContentSafety
from sluice.providers.judge_bedrock import BedrockGuardrail
from sluice.providers.judge_model_armor import ModelArmor
from sluice.providers.judge_moderation import Moderation
from sluice.providers.judge_webhook import Webhook
from sluice.providers.text_judge import Form

TIMEOUT_S = 10.0
Find = Callable[[Asking], JudgeService]


class JudgeReader:
    """Reads the services of one configuration."""

    def __init__(self, services: GuardServices, faults: Faults) -> None:
        self.services, self._faults = services, faults
        self.troubles: list[tuple[str, Unresolved]] = []
        """Guards that have no verdict, by name, and why."""

    def webhook(self, spec: WebhookSettings, spot: Spot) -> Judge:
        """Return a guard that asks a webhook."""
        target, url = spec.backend_ref, spec.url
        return self.told(
            spec, spot, lambda asking: self._referred(asking, target, url), spec.forward_header_matches, spec.headers
        )

    def told(
        self, spec: ServiceSettings, spot: Spot, find: Find, forwarded: HeaderMatches, headers: dict[str, str]
    ) -> Judge:
        """Return a guard that asks a webhook which gets to see headers."""
        for index, row in enumerate(forwarded):
            if row.type == "RegularExpression":
                self._check(compile_pattern, row.value, spot, ("forwardHeaderMatches", index, "value"))
        for name, expression in headers.items():
            if name.lower() in FRAMING or (name.startswith(":") and name != ":path"):
                place = spot.said.place(*spot.path, "headers", name)
                self._faults.add(place, "this header cannot be set", "`:path` sets the path")
            self._check(lambda text: Value(text, sees=ASKED), expression, spot, ("headers", name))
        judge = self._judge(spec, spot, Webhook(), find)
        if not isinstance(judge, RemoteJudge):
            return judge
        return msgspec.structs.replace(
            judge,
            forwards=tuple(
                Forwarded(name=row.name.lower(), value=row.value, regex=row.type == "RegularExpression")
                for row in forwarded
            ),
            headers=tuple((name.lower(), expression) for name, expression in headers.items()),
        )

    def moderation(self, spec: ModerationSettings, spot: Spot) -> Judge:
        """Return a guard that asks OpenAI's moderation."""

        def find(asking: Asking) -> JudgeService:
            return self.services.moderation(self.services.at(asking, spec.url))

        return self._judge(spec, spot, Moderation(model=spec.model), find)

    def bedrock(self, spec: BedrockSettings, spot: Spot) -> Judge:
        """Return a guard that asks Bedrock Guardrails."""

        def find(asking: Asking) -> JudgeService:
            url = spec.url or f"https://bedrock-runtime.{spec.region}.amazonaws.com{_china(spec.region)}"
            return self.services.bedrock(self.services.at(asking, url), spec.region)

        return self._judge(spec, spot, BedrockGuardrail(identifier=spec.identifier, version=spec.version), find)

    def model_armor(self, spec: ModelArmorSettings, spot: Spot) -> Judge:
        """Return a guard that asks Model Armor."""

        def find(asking: Asking) -> JudgeService:
            url = spec.url or f"https://modelarmor.{spec.location}.rep.googleapis.com"
            return self.services.model_armor(self.services.at(asking, url))

        form = ModelArmor(project=spec.project_id, location=spec.location, template=spec.template_id)
        return self._judge(spec, spot, form, find)

    def content_safety(self, spec: ContentSafetySettings, spot: Spot) -> Judge:
        """Return a guard that asks Azure AI Content Safety."""

        def find(asking: Asking) -> JudgeService:
            return self.services.content_safety(self.services.at(asking, spec.endpoint, written="endpoint"))

        analyze, jailbreak = spec.analyze_text, spec.detect_jailbreak
        form = ContentSafety(jailbreak_version="" if jailbreak is None else jailbreak.api_version)
        if analyze is not None:
            form = msgspec.structs.replace(
                form,
                analyze_version=analyze.api_version,
                severity=analyze.severity_threshold,
                blocklists=analyze.blocklist_names,
                halt_on_blocklist=analyze.halt_on_blocklist_hit,
            )
        elif jailbreak is not None:
            form = msgspec.structs.replace(form, analyze_version="")
        return self._judge(spec, spot, form, find)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _referred(self, asking: Asking, target: ServiceTarget | None, url: str | None) -> JudgeService:
        if target is not None:
            return self.services.referred(asking, target)
        return self.services.at(asking, url or "")

    def _judge(self, spec: ServiceSettings, spot: Spot, form: Form, find: Find) -> Judge:
        fails_open = spec.failure_mode.lower() == "failopen"
        try:
            service = find(Asking(spec, spot.said, spot.path))
        except Unresolved as trouble:
            self.troubles.append((spot.name, trouble))
            return MissingJudge(
                name=spot.name,
                scopes=spot.scopes,
                fails_open=fails_open,
                open_layer=spot.open_layer,
                why=str(trouble),
            )
        return RemoteJudge(
            name=spot.name,
            scopes=spot.scopes,
            rejection=spot.rejection,
            fails_open=fails_open,
            timeout_s=TIMEOUT_S if spec.timeout is None else float(spec.timeout),
            open_layer=spot.open_layer,
            form=form,
            service=service,
        )

    def _check(self, compile_: Callable[[str], object], text: str, spot: Spot, path: Path) -> None:
        try:
            compile_(text)
        except ValueError as error:
            self._faults.add(spot.said.place(*spot.path, *path), str(error))


def _china(region: str) -> str:
    return ".cn" if region.startswith("cn-") else ""
