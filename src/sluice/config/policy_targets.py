"""What a policy applies to: its references and selectors, resolved to kinds, labels and sections.

PURE. Obeys: compat-agentgateway 2.5. A target that is missing is no load error: the policy's condition says so.
"""

from collections.abc import Iterator

import msgspec

from sluice.config.backend_api import AgentgatewayBackend
from sluice.config.backend_policy_api import AGENTGATEWAY
from sluice.config.core_api import Object
from sluice.config.decode import closest
from sluice.config.faults import Faults
from sluice.config.gateway_api import GATEWAY, Gateway, HttpRoute
from sluice.config.legacy_api import TargetReference, TargetSelector
from sluice.config.objects import Objects
from sluice.config.source import Document
from sluice.config.unserved import not_implemented

_SERVED: dict[str, tuple[str, type[Object]]] = {
    "Gateway": (GATEWAY, Gateway),
    "HTTPRoute": (GATEWAY, HttpRoute),
    "AgentgatewayBackend": (AGENTGATEWAY, AgentgatewayBackend),
}
_KNOWN = (*_SERVED, "ListenerSet", "GRPCRoute", "Service", "InferencePool")


class Target(msgspec.Struct, frozen=True):
    """An object, or one section of it: a listener, a rule. Empty = all of it."""

    kind: str
    label: str
    section: str


class Targets:
    """Resolves targets. `gateways` are the labels of the Gateways that exist only because something names them."""

    def __init__(self, objects: Objects, gateways: set[str], faults: Faults) -> None:
        self._objects, self._gateways, self._faults = objects, gateways, faults

    def of(
        self,
        document: Document,
        namespace: str,
        refs: tuple[TargetReference, ...],
        selectors: tuple[TargetSelector, ...],
    ) -> Iterator[tuple[Target, bool]]:
        """Yield every target of a policy, and whether it exists."""
        for index, ref in enumerate(refs):
            schema = self._schema(document, ("targetRefs", index), ref.group, ref.kind, ref.section_name)
            if schema is not None:
                target = Target(ref.kind, f"{namespace}/{ref.name}", ref.section_name or "")
                yield target, self._exists(schema, target)
        for index, selector in enumerate(selectors):
            path = ("targetSelectors", index)
            schema = self._schema(document, path, selector.group, selector.kind, selector.section_name)
            for item in self._objects.of(schema) if schema is not None else ():
                if item.namespace == namespace and selector.match_labels.items() <= item.labels.items():
                    yield Target(selector.kind, item.label, selector.section_name or ""), True

    def _schema(
        self, document: Document, path: tuple[str, int], group: str, kind: str, section: str | None
    ) -> type[Object] | None:
        place = document.place("spec", *path, "kind")
        if kind not in _KNOWN:
            self._faults.add(place, f"unknown kind of target `{kind}`", closest(kind, _SERVED))
        elif kind not in _SERVED:
            self._faults.add(place, not_implemented(f"a target of kind {kind}"))
        elif group != _SERVED[kind][0]:
            place = document.place("spec", *path, "group")
            self._faults.add(place, f"unknown group of a {kind}", f"expected `{_SERVED[kind][0]}`")
        elif kind == "AgentgatewayBackend" and section is not None:
            text = not_implemented(f"`sectionName` on a target of kind {kind}")
            self._faults.add(document.place("spec", *path, "sectionName"), text)
        else:
            return _SERVED[kind][1]
        return None

    def _exists(self, schema: type[Object], target: Target) -> bool:
        namespace, _, name = target.label.partition("/")
        found = self._objects.get(schema, namespace, name)
        if found is None:
            return target.kind == "Gateway" and target.label in self._gateways
        body = found.body
        if not target.section or not isinstance(body, Gateway | HttpRoute):
            return True
        sections = body.spec.listeners if isinstance(body, Gateway) else body.spec.rules
        return any(section.name == target.section for section in sections)
