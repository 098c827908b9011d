"""What a model of the short form says beside `params`, over what the provider says that it refers to.

PURE. Each member is decided on its own: the model's wins. Guards add up, the provider's look first. Obeys:
compat-agentgateway 3.1.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from sluice.config.access import access
from sluice.config.access_short import short_authorization
from sluice.config.ai_policy import members
from sluice.config.clock_policy import own_clocks
from sluice.config.conditions import check_health
from sluice.config.credentials import cloud_of, in_region
from sluice.config.expressions import members as expressions
from sluice.config.health_policy import health
from sluice.config.layers import Said
from sluice.config.plan import AiBackend, Target
from sluice.config.references import Unresolved
from sluice.config.shaping_policy import backend_shaping, prompt_caching
from sluice.config.short_form_api import ModelSettings, ModelSpec
from sluice.config.short_form_readers import NAMESPACE, ShortReaders
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.guards import accumulated
from sluice.policies.shaping import Shaping

Layers = Sequence[Said[ModelSettings]]
"""The strongest first."""


class SettingsReader:
    """Reads them for the models of one file."""

    def __init__(self, readers: ShortReaders) -> None:
        self._readers, self._faults = readers, readers.faults

    def backend(self, backend: AiBackend, spec: ModelSpec, layers: Layers) -> AiBackend:
        """Return the backend of a model with all that is said of it."""
        ai, shaping = self._ai(spec.name, layers), self._shaping(layers)
        rests = health(_first(layers, "health").settings.health)
        clocks = own_clocks(_first(layers, "timeouts").settings.timeouts)
        groups = tuple(
            tuple(
                self._keyed(
                    msgspec.structs.replace(target, ai=ai, health=rests, clocks=clocks, shaping=shaping), spec, layers
                )
                for target in group
            )
            for group in backend.groups
        )
        own = layers[0]
        rules = short_authorization(spec.authorization, own.place, ("authorization",), self._faults)
        return msgspec.structs.replace(backend, groups=groups, access=Access(authorization=rules))

    def check(self, said: Said[ModelSettings]) -> None:
        """Add faults for what is wrong in settings that perhaps no model looks at."""
        check_health(said.settings.health, said.place, ("health",), self._faults)
        self._ai("", [said])
        self._shaping([said])

    def _ai(self, name: str, layers: Layers) -> AiPolicy:
        changed, final = _first(layers, "transformation"), _first(layers, "final_transformation")
        guards = (
            self._readers.guards(said.part(said.settings.guardrails, "guardrails"), _label(said, name))
            for said in reversed(layers)
        )
        return AiPolicy(
            defaults=members((_first(layers, "defaults").settings.defaults or {}).items()),
            overrides=members((_first(layers, "overrides").settings.overrides or {}).items()),
            transformations=expressions(
                changed.settings.transformation, partial(changed.place, "transformation"), self._faults
            ),
            final_transformations=expressions(
                final.settings.final_transformation, partial(final.place, "finalTransformation"), self._faults
            ),
            prompt_caching=prompt_caching(_first(layers, "prompt_caching").settings.prompt_caching),
            guards=accumulated(*guards),
        )

    def _shaping(self, layers: Layers) -> Shaping:
        asked, answered = _first(layers, "request_headers"), _first(layers, "response_headers")
        request = backend_shaping(asked.place, self._faults, request_headers=asked.settings.request_headers)
        response = backend_shaping(answered.place, self._faults, response_headers=answered.settings.response_headers)
        return msgspec.structs.replace(request, response_headers=response.response_headers)

    def _keyed(self, target: Target, spec: ModelSpec, layers: Layers) -> Target:
        """Return the target with the credential that `auth` says, in place of the usual one."""
        said = _first(layers, "auth")
        auth = said.settings.auth
        if auth is None:
            return target
        if spec.params.api_key is not None:
            place = layers[0].place("params", "apiKey")
            self._faults.add(place, "`auth` and `params.apiKey` both say which credential is used")
        values, env = self._readers.values, self._readers.env
        try:
            found = access(auth, NAMESPACE, values, said.document, (*said.path, "auth"), self._faults)
            cloud = cloud_of(auth, NAMESPACE, values, env)
        except Unresolved as error:
            self._faults.add(said.place("auth"), f"{error}: there are no objects here", "`key` may name a variable")
            return target
        return msgspec.structs.replace(
            target,
            credential=found.credential,
            passthrough=found.passthrough,
            placement=found.placement,
            credentials=found.credentials,
            cloud=in_region(cloud, target.variables.get("region", "")),
        )


def _first(layers: Layers, member: str) -> Said[ModelSettings]:
    """Return the strongest layer that says something about it; the strongest of all if nobody does."""
    return next((said for said in layers if getattr(said.settings, member) is not None), layers[0])


def _label(said: Said[ModelSettings], name: str) -> str:
    where = ".".join(str(step) for step in said.path if isinstance(step, str))
    return f"{where} {name}".strip()
