"""AgentgatewayPolicy: which object each part of a policy applies to, and what wins.

PURE. Obeys: compat-agentgateway 2.5. Served parts: `traffic.timeouts` on a Gateway (or its listener) and an HTTPRoute
(or its rule), `backend.auth|http|tcp|tls` on an AgentgatewayBackend. Between policies of one target the older wins,
then the alphabetical order.
"""

from collections.abc import Iterable, Iterator

import msgspec

from sluice.config.backend_api import AgentgatewayBackend
from sluice.config.backend_policy_api import AGENTGATEWAY, BackendPolicies
from sluice.config.core_api import Object
from sluice.config.decode import closest
from sluice.config.faults import Faults, Path
from sluice.config.gateway_api import GATEWAY, Gateway, HttpRoute
from sluice.config.objects import Objects, Resource
from sluice.config.plan import Condition, ObjectStatus
from sluice.config.policy_api import AgentgatewayPolicy, Timeouts
from sluice.config.source import Document
from sluice.config.unserved import not_implemented
from sluice.policies.deadlines import Deadlines

_SERVED: dict[str, tuple[str, type[Object]]] = {
    "Gateway": (GATEWAY, Gateway),
    "HTTPRoute": (GATEWAY, HttpRoute),
    "AgentgatewayBackend": (AGENTGATEWAY, AgentgatewayBackend),
}
_KNOWN = (*_SERVED, "ListenerSet", "GRPCRoute", "Service", "InferencePool")

_CLOCKS = {
    "connect": "connect_s",
    "response_headers": "headers_s",
    "first_token": "first_token_s",
    "response_idle": "idle_s",
    "request": "total_s",
}


class Layer(msgspec.Struct, frozen=True):
    """Backend policies, and where they stand."""

    policies: BackendPolicies
    document: Document
    path: Path


class _Target(msgspec.Struct, frozen=True):
    kind: str
    label: str
    section: str


class Policies:
    """All policies, found by what they apply to.

    `gateways` are the labels of the Gateways that exist only because a route names them.
    """

    def __init__(self, objects: Objects, gateways: set[str], faults: Faults) -> None:
        self._objects, self._gateways, self._faults = objects, gateways, faults
        self._layers: dict[str, list[Layer]] = {}
        self._timeouts: dict[_Target, list[Timeouts]] = {}
        self.statuses: list[ObjectStatus] = []
        self.notes: list[str] = []
        for policy in sorted(objects.of(AgentgatewayPolicy), key=age):
            self._take(policy)

    def layers(self, backend: str) -> list[Layer]:
        """Return the policies of an AgentgatewayBackend, the strongest first."""
        return self._layers.get(backend, [])

    def timeouts(self, kind: str, label: str, section: str) -> Iterator[Timeouts]:
        """Yield the time-outs of an object and of one section of it, the weakest first."""
        yield from reversed(self._timeouts.get(_Target(kind, label, ""), []))
        if section:
            yield from reversed(self._timeouts.get(_Target(kind, label, section), []))

    def _take(self, policy: Resource[AgentgatewayPolicy]) -> None:
        spec = policy.body.spec
        missing = []
        for target, found in self._targets(policy):
            if not found:
                missing.append(f"{target.kind} {target.label}")
            if spec.traffic is not None and spec.traffic.timeouts is not None:
                if target.kind in ("Gateway", "HTTPRoute"):
                    self._timeouts.setdefault(target, []).append(spec.traffic.timeouts)
                else:
                    self._refuse(policy, "traffic", "a Gateway or an HTTPRoute", target)
            if spec.backend is not None:
                if target.kind == "AgentgatewayBackend":
                    layer = Layer(spec.backend, policy.document, ("spec", "backend"))
                    self._layers.setdefault(target.label, []).append(layer)
                else:
                    self._refuse(policy, "backend", "an AgentgatewayBackend", target)
        if spec.ai is not None:
            self.notes.append(
                f"AgentgatewayPolicy {policy.label}: `spec.ai.routeType` is deprecated and not needed: requests with "
                '`"stream": true` are streamed anyway; it has no effect.'
            )
        self.statuses.append(_status(policy, missing))

    def _refuse(self, policy: Resource[AgentgatewayPolicy], part: str, wanted: str, target: _Target) -> None:
        text = not_implemented(f"`{part}` on a target of kind {target.kind}")
        self._faults.add(policy.place("spec", part), text, f"it may target {wanted}")

    def _targets(self, policy: Resource[AgentgatewayPolicy]) -> Iterator[tuple[_Target, bool]]:
        """Yield every target, and whether it exists."""
        spec = policy.body.spec
        for index, ref in enumerate(spec.target_refs or ()):
            if (schema := self._schema(policy, "targetRefs", index, ref.group, ref.kind)) is not None:
                target = _Target(ref.kind, f"{policy.namespace}/{ref.name}", ref.section_name or "")
                yield target, self._exists(schema, target)
        for index, selector in enumerate(spec.target_selectors or ()):
            schema = self._schema(policy, "targetSelectors", index, selector.group, selector.kind)
            for item in self._objects.of(schema) if schema is not None else ():
                if item.namespace == policy.namespace and selector.match_labels.items() <= item.labels.items():
                    yield _Target(selector.kind, item.label, selector.section_name or ""), True

    def _schema(
        self, policy: Resource[AgentgatewayPolicy], field: str, index: int, group: str, kind: str
    ) -> type[Object] | None:
        place = policy.place("spec", field, index, "kind")
        if kind not in _KNOWN:
            self._faults.add(place, f"unknown kind of target `{kind}`", closest(kind, _SERVED))
        elif kind not in _SERVED:
            self._faults.add(place, not_implemented(f"a target of kind {kind}"))
        elif group != _SERVED[kind][0]:
            place = policy.place("spec", field, index, "group")
            self._faults.add(place, f"unknown group of a {kind}", f"expected `{_SERVED[kind][0]}`")
        else:
            return _SERVED[kind][1]
        return None

    def _exists(self, schema: type[Object], target: _Target) -> bool:
        namespace, _, name = target.label.partition("/")
        found = self._objects.get(schema, namespace, name)
        if found is None:
            return target.kind == "Gateway" and target.label in self._gateways
        if not target.section:
            return True
        body = found.body
        sections = (
            body.spec.listeners if isinstance(body, Gateway) else body.spec.rules if isinstance(body, HttpRoute) else ()
        )
        return any(section.name == target.section for section in sections)


def age(resource: Resource[Object] | Resource[AgentgatewayPolicy] | Resource[HttpRoute]) -> tuple[str, str]:
    """Sort key of Gateway API's conflict resolution: older first, then by `namespace/name`.

    Objects without a time come last.
    """
    return resource.body.metadata.creation_timestamp or "~", resource.label


def deadlines(timeouts: Iterable[Timeouts]) -> Deadlines:
    """Return the clocks after all time-outs, the weakest first: each clock is decided on its own."""
    values: dict[str, float] = {}
    for item in timeouts:
        for name, clock in _CLOCKS.items():
            value = getattr(item, name)
            if value is not None:
                values[clock] = float(value)
    return Deadlines(**values)


def _status(policy: Resource[AgentgatewayPolicy], missing: list[str]) -> ObjectStatus:
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
