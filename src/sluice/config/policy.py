"""AgentgatewayPolicy: which object each part of a policy applies to, and what wins.

PURE. Obeys: compat-agentgateway 2.5. Served parts: `traffic.timeouts|errorFormat|stream|retry` on a Gateway (or its
listener) and an HTTPRoute (or its rule), `traffic.admission` on a Gateway, `backend.ai` on all of these and on an
AgentgatewayBackend, `backend.auth|http|tcp|tls|health` on an AgentgatewayBackend, and the old `ai.routeType` on an
HTTPRoute (or its rule), there also in the policies that came before. Between policies of one target the older wins,
then the alphabetical order.
"""

from collections.abc import Iterator

import msgspec

from sluice.config.ai_policy import ai_policy
from sluice.config.backend_policy_api import BackendPolicies
from sluice.config.conditions import check_health, check_retry
from sluice.config.core_api import Object
from sluice.config.faults import Faults, Path
from sluice.config.legacy_api import (
    GlooTrafficPolicy,
    LegacyAi,
    RouteOption,
    RouteWord,
    TargetReference,
    TargetSelector,
    TrafficPolicy,
)
from sluice.config.objects import Objects, Resource
from sluice.config.policy_api import AgentgatewayPolicy
from sluice.config.policy_targets import Target, Targets
from sluice.config.source import Document
from sluice.config.status import Condition, ObjectStatus
from sluice.config.traffic import admission
from sluice.config.traffic_api import AdmissionSettings, TrafficSettings
from sluice.config.unserved import not_implemented
from sluice.policies.admission import Admission
from sluice.policies.ai import AiPolicy, merged

_LEGACY: tuple[type[TrafficPolicy] | type[GlooTrafficPolicy] | type[RouteOption], ...] = (
    TrafficPolicy,
    GlooTrafficPolicy,
    RouteOption,
)


class Layer(msgspec.Struct, frozen=True):
    """Backend policies, and where they stand."""

    policies: BackendPolicies
    document: Document
    path: Path


class _Parts(msgspec.Struct, frozen=True):
    """What a policy says, whatever its kind."""

    refs: tuple[TargetReference, ...]
    selectors: tuple[TargetSelector, ...] = ()
    traffic: TrafficSettings | None = None
    backend: BackendPolicies | None = None
    ai: LegacyAi | None = None
    ai_path: Path = ("spec", "ai")


class Policies:
    """All policies, found by what they apply to.

    `gateways` are the labels of the Gateways that exist only because something names them.
    """

    def __init__(self, objects: Objects, gateways: set[str], faults: Faults) -> None:
        self._targets, self._faults = Targets(objects, gateways, faults), faults
        self._layers: dict[str, list[Layer]] = {}
        self._traffic: dict[Target, list[TrafficSettings]] = {}
        self._admission: dict[str, list[AdmissionSettings]] = {}
        self._ai: dict[Target, list[AiPolicy]] = {}
        self._types: dict[Target, list[RouteWord]] = {}
        self.statuses: list[ObjectStatus] = []
        self.notes: list[str] = []
        for policy in sorted(objects.of(AgentgatewayPolicy), key=age):
            self._take(policy, _parts(policy.body))
        old = [policy for schema in _LEGACY for policy in objects.of(schema)]
        for legacy in sorted(old, key=age):
            self._take(legacy, _parts(legacy.body))

    def layers(self, backend: str) -> list[Layer]:
        """Return the policies of an AgentgatewayBackend, the strongest first."""
        return self._layers.get(backend, [])

    def traffic(self, kind: str, label: str, section: str) -> Iterator[TrafficSettings]:
        """Yield what is said about the traffic of an object and of one section of it, the weakest first."""
        yield from reversed(self._traffic.get(Target(kind, label, ""), []))
        if section:
            yield from reversed(self._traffic.get(Target(kind, label, section), []))

    def admission(self) -> tuple[Admission, tuple[str, ...]]:
        """Return what the process takes on at once, and the notes about it."""
        return admission({gateway: items[::-1] for gateway, items in self._admission.items()})

    def ai(self, kind: str, label: str, section: str = "") -> AiPolicy:
        """Return what the policies of an object and of one section of it say about AI requests."""
        own = self._ai.get(Target(kind, label, section), []) if section else []
        return merged(*own, *self._ai.get(Target(kind, label, ""), []))

    def streams(self, route: str, section: str) -> bool:
        """Return whether chat requests to a rule of an HTTPRoute stream unless they say otherwise."""
        own = self._types.get(Target("HTTPRoute", route, section), []) if section else []
        words = [*own, *self._types.get(Target("HTTPRoute", route, ""), [])]
        return bool(words) and words[0] == "CHAT_STREAMING"

    def _take(self, policy: Resource[Object], parts: _Parts) -> None:
        missing = []
        self._check_conditions(policy, parts)
        for target, found in self._targets.of(policy.document, policy.namespace, parts.refs, parts.selectors):
            if not found:
                missing.append(f"{target.kind} {target.label}")
            if parts.traffic is not None:
                self._take_traffic(policy, parts.traffic, target, found=found)
            if parts.backend is not None:
                self._take_backend(policy, parts.backend, target)
            if parts.ai is not None and parts.ai.route_type is not None:
                if target.kind == "HTTPRoute":
                    self._types.setdefault(target, []).append(parts.ai.route_type)
                else:
                    self._refuse(policy, parts.ai_path, "an HTTPRoute", target)
        if parts.ai is not None and parts.ai.route_type is not None:
            self.notes.append(_deprecated(policy, parts))
        self.statuses.append(_status(policy, missing))

    def _check_conditions(self, policy: Resource[Object], parts: _Parts) -> None:
        if parts.traffic is not None:
            check_retry(parts.traffic.retry, policy.place, ("spec", "traffic", "retry"), self._faults)
        if parts.backend is not None:
            check_health(parts.backend.health, policy.place, ("spec", "backend", "health"), self._faults)

    def _take_traffic(self, policy: Resource[Object], spec: TrafficSettings, target: Target, *, found: bool) -> None:
        if all(getattr(spec, name) is None for name in TrafficSettings.__struct_fields__):
            return
        if target.kind not in ("Gateway", "HTTPRoute"):
            self._refuse(policy, ("spec", "traffic"), "a Gateway or an HTTPRoute", target)
            return
        self._traffic.setdefault(target, []).append(spec)
        if spec.admission is None:
            return
        if target.kind != "Gateway" or target.section:
            what = "a section" if target.kind == "Gateway" else "a target"
            text = f"`admission` is of the whole process; {what} of kind {target.kind} cannot have its own"
            self._faults.add(policy.place("spec", "traffic", "admission"), text, "it may target a whole Gateway")
        elif found:
            self._admission.setdefault(target.label, []).append(spec.admission)

    def _take_backend(self, policy: Resource[Object], spec: BackendPolicies, target: Target) -> None:
        if spec.ai is not None:
            self._ai.setdefault(target, []).append(ai_policy(spec.ai))
        if target.kind == "AgentgatewayBackend":
            layer = Layer(spec, policy.document, ("spec", "backend"))
            self._layers.setdefault(target.label, []).append(layer)
            return
        for field in ("auth", "http", "tcp", "tls", "health"):
            if getattr(spec, field) is not None:
                self._refuse(policy, ("spec", "backend", field), "an AgentgatewayBackend", target)

    def _refuse(self, policy: Resource[Object], path: Path, wanted: str, target: Target) -> None:
        what = ".".join(str(step) for step in path[1:])
        text = not_implemented(f"`{what}` on a target of kind {target.kind}")
        self._faults.add(policy.place(*path), text, f"it may target {wanted}")


def _parts(body: Object) -> _Parts:
    """Return what a policy of any kind says."""
    if isinstance(body, AgentgatewayPolicy):
        spec = body.spec
        return _Parts(
            refs=spec.target_refs or (),
            selectors=spec.target_selectors or (),
            traffic=spec.traffic,
            backend=spec.backend,
            ai=spec.ai,
        )
    if isinstance(body, RouteOption):
        return _Parts(refs=body.spec.target_refs, ai=body.spec.options.ai, ai_path=("spec", "options", "ai"))
    assert isinstance(body, TrafficPolicy | GlooTrafficPolicy)
    return _Parts(refs=body.spec.target_refs or (), selectors=body.spec.target_selectors or (), ai=body.spec.ai)


def _deprecated(policy: Resource[Object], parts: _Parts) -> str:
    assert parts.ai is not None
    effect = (
        "requests that do not say otherwise stream here" if parts.ai.route_type == "CHAT_STREAMING" else "no effect"
    )
    where = ".".join(str(step) for step in parts.ai_path)
    return (
        f"{policy.kind} {policy.label}: `{where}.routeType` is deprecated and not needed: requests with "
        f'`"stream": true` are streamed anyway; {parts.ai.route_type} means: {effect}.'
    )


def age(resource: Resource[Object]) -> tuple[str, str]:
    """Sort key of Gateway API's conflict resolution: older first, then by `namespace/name`.

    Objects without a time come last.
    """
    return resource.body.metadata.creation_timestamp or "~", resource.label


def _status(policy: Resource[Object], missing: list[str]) -> ObjectStatus:
    if missing:
        attached = Condition(
            type="Attached", status=False, reason="Pending", message=f"not found: {', '.join(missing)}"
        )
    else:
        attached = Condition(type="Attached", status=True, reason="Attached", message="Attached to all targets")
    accepted = Condition(type="Accepted", status=True, reason="Valid", message="Policy accepted")
    place = policy.place("metadata", "name")
    return ObjectStatus(
        kind=policy.kind, name=policy.label, file=place.file, line=place.line, conditions=(accepted, attached)
    )
