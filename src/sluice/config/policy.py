"""Policies of all kinds: which object each part of one applies to.

PURE. Obeys: compat-agentgateway 2.5. `traffic` applies to a Gateway (or its listener) and an HTTPRoute (or its rule),
`traffic.admission` to a Gateway, `backend.ai` to all of these and to an AgentgatewayBackend,
all else of `backend` to an AgentgatewayBackend, and the old `ai.routeType` to an HTTPRoute
(or its rule). Between policies of one target the older wins, then the alphabetical order. What wins between targets is
`rule_policies`' to say.
"""

import msgspec

from sluice.config.backend_policy_api import BackendPolicies
from sluice.config.conditions import check_health, check_retry
from sluice.config.core_api import Object
from sluice.config.faults import Faults, Path
from sluice.config.layers import Said
from sluice.config.legacy_api import LegacyAi, RouteWord
from sluice.config.legacy_policy import legacy_ai
from sluice.config.objects import Objects, Resource
from sluice.config.observing_policy import Sight, of_policy
from sluice.config.policy_api import Frontend
from sluice.config.policy_parts import KINDS, OLDER, Parts, TrafficLayer, parts
from sluice.config.policy_status import Trouble, policy_status
from sluice.config.policy_targets import Target, Targets
from sluice.config.readers import Readers
from sluice.config.source import Document
from sluice.config.status import ObjectStatus
from sluice.config.struct_fields import fields_of
from sluice.config.traffic import admission
from sluice.config.traffic_api import AdmissionSettings
from sluice.config.unserved import not_implemented
from sluice.policies.admission import Admission
from sluice.policies.ai import NOTHING, AiPolicy, merged


class Layer(msgspec.Struct, frozen=True):
    """Backend policies, and where they stand."""

    policies: BackendPolicies
    document: Document
    path: Path


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that a filter of a rule refers to."""

    source: str
    traffic: TrafficLayer | None = None
    ai: AiPolicy = NOTHING
    streams: RouteWord | None = None


class Policies:
    """All policies, found by what they apply to.

    `gateways` are the labels of the Gateways that exist only because something names them.
    """

    def __init__(self, objects: Objects, gateways: set[str], readers: Readers, faults: Faults) -> None:
        self._targets, self._readers, self._faults = Targets(objects, gateways, faults), readers, faults
        self._layers: dict[str, list[Layer]] = {}
        self._traffic: dict[Target, list[TrafficLayer]] = {}
        self._admission: dict[str, list[AdmissionSettings]] = {}
        self._ai: dict[Target, list[tuple[str, AiPolicy]]] = {}
        self._types: dict[Target, list[RouteWord]] = {}
        self._sights: dict[Target, list[Sight]] = {}
        self._extensions: dict[tuple[str, str], Extension] = {}
        self.statuses: list[ObjectStatus] = []
        self.notes: list[str] = []
        for schemas in (KINDS, OLDER):
            for policy in sorted((item for schema in schemas for item in objects.of(schema)), key=age):
                self._take(policy, parts(policy))

    def layers(self, backend: str) -> list[Layer]:
        """Return the policies of an AgentgatewayBackend, the strongest first."""
        return self._layers.get(backend, [])

    def traffic(self, kind: str, label: str, section: str) -> list[list[TrafficLayer]]:
        """Return what is said about the traffic of an object, and of one section of it, each the weakest first."""
        targets = [Target(kind, label, ""), *([Target(kind, label, section)] if section else [])]
        return [self._traffic.get(target, [])[::-1] for target in targets]

    def admission(self) -> tuple[Admission, tuple[str, ...]]:
        """Return what the process takes on at once, and the notes about it."""
        return admission({gateway: items[::-1] for gateway, items in self._admission.items()})

    def ai(self, kind: str, label: str, section: str = "") -> AiPolicy:
        """Return what the policies of an object and of one section of it say about AI requests."""
        return merged(*(policy for _, policy in self.ai_layers(kind, label, section)))

    def ai_layers(self, kind: str, label: str, section: str = "") -> list[tuple[str, AiPolicy]]:
        """Return the same, policy by policy, the strongest first, each with who says it."""
        own = self._ai.get(Target(kind, label, section), []) if section else []
        return [*own, *self._ai.get(Target(kind, label, ""), [])]

    def streams(self, route: str, section: str) -> bool:
        """Return whether chat requests to a rule of an HTTPRoute stream unless they say otherwise."""
        own = self._types.get(Target("HTTPRoute", route, section), []) if section else []
        words = [*own, *self._types.get(Target("HTTPRoute", route, ""), [])]
        return bool(words) and words[0] == "CHAT_STREAMING"

    def sights(self, gateway: str, listener: str) -> list[Sight]:
        """Return what is to be seen of the exchanges of a listener, the weakest first."""
        own = self._sights.get(Target("Gateway", gateway, listener), [])
        return [*own, *self._sights.get(Target("Gateway", gateway, ""), [])][::-1]

    def extension(self, kind: str, label: str) -> Extension | None:
        """Return a policy by its own name."""
        return self._extensions.get((kind, label))

    # -- taking them in -----------------------------------------------------------------------------------------------

    def _take(self, policy: Resource[Object], said: Parts) -> None:
        missing = []
        ai, trouble = self._read(policy, said)
        sight = None if said.frontend is None else of_policy(said.frontend, self._faults, self._readers.endpoint)
        word = None if said.ai is None else said.ai.settings.route_type
        source = f"{policy.kind} {policy.label}"
        self._extensions[policy.kind, policy.label] = Extension(
            source=source, traffic=said.traffic, ai=ai, streams=word
        )
        for target, found in self._targets.of(policy.document, policy.namespace, said.refs, said.selectors):
            if not found:
                missing.append(f"{target.kind} {target.label}")
            if said.traffic is not None:
                self._take_traffic(policy, said.traffic, target, found=found)
            if said.backend is not None:
                self._take_backend(policy, said.backend, target)
            if said.frontend is not None and sight is not None:
                self._take_sight(policy, said.frontend, sight, target)
            if ai != NOTHING:
                self._ai.setdefault(target, []).append((source, ai))
            if said.ai is not None and word is not None:
                if target.kind == "HTTPRoute":
                    self._types.setdefault(target, []).append(word)
                else:
                    self._refuse(policy, (*said.ai.path, "routeType"), "an HTTPRoute", target)
        if said.ai is not None and word is not None:
            self.notes.append(_deprecated(policy, said.ai))
        self.statuses.append(policy_status(policy, missing, trouble))

    def _read(self, policy: Resource[Object], said: Parts) -> tuple[AiPolicy, Trouble]:
        """Read a policy once, whatever it applies to: return what it says of AI requests, and what leads nowhere."""
        readers, before = self._readers, self._readers.troubles
        ai, kinds = NOTHING, set[str]()
        if said.traffic is not None:
            layer = said.traffic
            retry_path = (*layer.said.path, "retry")
            check_retry(layer.said.settings.retry, policy.place, retry_path, self._faults)
            readers.access.access([layer.access])
            readers.limits.limiting([layer.limits])
            readers.money.budgets([layer.money])
            readers.shaping(layer)
            kinds |= {written for _, written in layer.kinds()}
        if said.backend is not None:
            backend = said.backend
            check_health(backend.settings.health, policy.place, (*backend.path, "health"), self._faults)
            kinds |= {name for name in BackendPolicies.__struct_fields__ if getattr(backend.settings, name) is not None}
            if backend.settings.ai is not None:
                ai = readers.ai.policy(backend.part(backend.settings.ai, "ai"), policy.label)
        if said.ai is not None:
            kinds.add("ai")
            ai = merged(ai, legacy_ai(said.ai, readers.ai, self._faults, policy.label))
        sentences = tuple(sentence for sentence in readers.troubles if sentence not in before)
        return ai, Trouble(sentences=sentences, whole=bool(sentences) and len(kinds) == 1)

    def _take_traffic(self, policy: Resource[Object], layer: TrafficLayer, target: Target, *, found: bool) -> None:
        kinds, place = dict(layer.kinds()), layer.said.place
        if not kinds:
            return
        if target.kind not in ("Gateway", "HTTPRoute"):
            self._refuse(policy, layer.said.path, "a Gateway or an HTTPRoute", target)
            return
        if layer.early and target.kind != "Gateway":
            text = f"what is looked at before a route is chosen cannot be of a target of kind {target.kind}"
            self._faults.add(place("phase"), text, "it may target a Gateway")
            return
        self._traffic.setdefault(target, []).append(layer)
        if (settings := layer.said.settings.admission) is None:
            return
        if target.kind != "Gateway" or target.section:
            what = "a section" if target.kind == "Gateway" else "a target"
            text = f"`admission` is of the whole process; {what} of kind {target.kind} cannot have its own"
            self._faults.add(place("admission"), text, "it may target a whole Gateway")
        elif found:
            self._admission.setdefault(target.label, []).append(settings)

    def _take_backend(self, policy: Resource[Object], said: Said[BackendPolicies], target: Target) -> None:
        if target.kind == "AgentgatewayBackend":
            layer = Layer(said.settings, policy.document, said.path)
            self._layers.setdefault(target.label, []).append(layer)
            return
        for field in fields_of(BackendPolicies):
            if field.name != "ai" and getattr(said.settings, field.name) is not None:
                self._refuse(policy, (*said.path, field.encode_name), "an AgentgatewayBackend", target)

    def _take_sight(self, policy: Resource[Object], said: Said[Frontend], sight: Sight, target: Target) -> None:
        if target.kind == "Gateway":
            self._sights.setdefault(target, []).append(sight)
        else:
            self._refuse(policy, said.path, "a Gateway", target)

    def _refuse(self, policy: Resource[Object], path: Path, wanted: str, target: Target) -> None:
        what = ".".join(str(step) for step in path[1:])
        text = not_implemented(f"`{what}` on a target of kind {target.kind}")
        self._faults.add(policy.place(*path), text, f"it may target {wanted}")


def _deprecated(policy: Resource[Object], said: Said[LegacyAi]) -> str:
    word = said.settings.route_type
    effect = "requests that do not say otherwise stream here" if word == "CHAT_STREAMING" else "no effect"
    where = ".".join(str(step) for step in said.path)
    return (
        f"{policy.kind} {policy.label}: `{where}.routeType` is deprecated and not needed: requests with "
        f'`"stream": true` are streamed anyway; {word} means: {effect}.'
    )


def age(resource: Resource[Object]) -> tuple[str, str]:
    """Sort key of Gateway API's conflict resolution: older first, then by `namespace/name`.

    Objects without a time come last.
    """
    return resource.body.metadata.creation_timestamp or "~", resource.label
