"""The policies of the short form: what `llm.policies` says of every request, and what a model says beside `params`.

PURE. There are no objects here: a reference to one leads nowhere, and says so. Obeys: compat-agentgateway 3.1, and the
words of stream-life 9 for the additions.
"""

from collections.abc import Mapping
from functools import partial

import msgspec

from sluice.config.access import access
from sluice.config.access_short import short_access, short_authorization
from sluice.config.access_short_api import ShortAccessSettings
from sluice.config.ai_policy import AiReader, members
from sluice.config.credentials import cloud_of, in_region
from sluice.config.expressions import members as expressions
from sluice.config.faults import Faults, Path
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_services import GuardServices
from sluice.config.guard_short import short_guards
from sluice.config.health_policy import health
from sluice.config.layers import Said
from sluice.config.limit_api import LimitSettings
from sluice.config.limit_policy import short_limiting
from sluice.config.objects import Objects
from sluice.config.plan import Rule, Target
from sluice.config.policy_api import Traffic
from sluice.config.references import Unresolved, Values
from sluice.config.shaping_policy import backend_shaping, prompt_caching, shaping
from sluice.config.short_form_api import ModelSettings, ModelSpec, PoliciesSpec
from sluice.config.source import Document
from sluice.config.traffic import treated
from sluice.config.traffic_api import TrafficSettings
from sluice.config.transform_policy import transformations
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy, merged
from sluice.policies.guards import NO_GUARDS, Guards, accumulated

NAMESPACE = "default"
_POLICIES: Path = ("llm", "policies")


class ShortPolicies:
    """Those of one file. `notes` gets sentences for the banner."""

    def __init__(self, document: Document, env: Mapping[str, str], faults: Faults) -> None:
        self._document, self._env, self._faults = document, env, faults
        self._values = Values(Objects(), env, faults)
        self._judges = JudgeReader(GuardServices(faults, values=self._values, env=env), faults)
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        return [*self._notes, *(f"The guard {name} has no verdict: {why}." for name, why in self._judges.troubles)]

    # -- of every request ---------------------------------------------------------------------------------------------

    def ruled(self, name: str, spec: PoliciesSpec, pool: TrafficSettings) -> Rule:
        """Return the rule of this name with what `llm.policies` says; `pool` is what stands below it."""
        place, faults, notes = partial(self._document.place, *_POLICIES), self._faults, self._notes
        rule = treated(Rule(name=name, backends=()), (pool, spec))
        return msgspec.structs.replace(
            rule,
            gateway_ai=self._ai(spec),
            access=short_access(_access_of(spec), place, faults, notes),
            limits=short_limiting(_limits_of(spec), place, faults, notes),
            shaping=self._shaping(spec),
            sources=tuple((kind, "llm.policies") for kind in _kinds(spec)),
        )

    def _ai(self, spec: PoliciesSpec) -> AiPolicy:
        said = Said(spec.ai, self._document, (*_POLICIES, "ai"), NAMESPACE)
        policy = AiReader(self._judges, self._faults).short(said, "llm.policies.ai")
        guards = self._guards(spec.guardrails is not None, "llm.policies", Said(spec, self._document, _POLICIES, NAMESPACE))
        return merged(policy, AiPolicy(guards=guards))
