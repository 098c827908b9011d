"""HTTPRoutes to listeners: which of its parents takes a route, under which hostnames, and with which condition.

PURE. Obeys: Gateway API 1.4, RouteParentStatus. Departure: a parent Gateway that is not defined is no obstacle: the
route is served on a default listener (port 8080), since outside Kubernetes the Gateway is often somebody else's
object.
"""

import msgspec

from sluice.config.faults import Faults
from sluice.config.gateway_api import GATEWAY, HttpRoute, ParentReference
from sluice.config.listeners import Slot, Slots
from sluice.config.objects import Resource
from sluice.config.status import Condition
from sluice.config.unserved import not_implemented


class Attachment(msgspec.Struct, frozen=True):
    """A listener that took the route, and the hostnames that both agree on (empty = any)."""

    slot: Slot
    hostnames: tuple[str, ...]


class Parent(msgspec.Struct, frozen=True):
    """What one parentRef came to."""

    scope: str
    accepted: Condition
    attachments: tuple[Attachment, ...] = ()


def attach(route: Resource[HttpRoute], slots: Slots, faults: Faults) -> list[Parent]:
    """Return one Parent per parentRef, in their order, and count the route at the listeners that took it."""
    parents = []
    for index, ref in enumerate(route.body.spec.parent_refs):
        if (ref.group, ref.kind) != (GATEWAY, "Gateway"):
            faults.add(route.place("spec", "parentRefs", index), not_implemented(f"a parent of kind {ref.kind}"))
            continue
        parents.append(_parent(route, ref, slots))
    for parent in parents:
        for attachment in parent.attachments:
            attachment.slot.routes.add(route.label)
    return parents


def implied_gateways(routes: list[Resource[HttpRoute]], slots: Slots) -> set[str]:
    """Return the labels of the Gateways that routes name and nobody defines."""
    named = {_gateway(route, ref) for route in routes for ref in route.body.spec.parent_refs if ref.kind == "Gateway"}
    return {label for label in named if slots.of(label) is None}


def common_hostnames(listener: str, route: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hostnames that a listener's hostname and a route's have in common; `("",)` = any, `()` = none."""
    if not route:
        return (listener,)
    common = (_common(listener, hostname.lower()) for hostname in route)
    return tuple(dict.fromkeys(hostname for hostname in common if hostname is not None))


def _common(listener: str, hostname: str) -> str | None:
    if not listener or listener == hostname:
        return hostname
    if listener.startswith("*.") and hostname.endswith(listener[1:]):
        return hostname
    if hostname.startswith("*.") and listener.endswith(hostname[1:]):
        return listener
    return None


def _gateway(route: Resource[HttpRoute], ref: ParentReference) -> str:
    return f"{ref.namespace or route.namespace}/{ref.name}"


def _parent(route: Resource[HttpRoute], ref: ParentReference, slots: Slots) -> Parent:
    gateway = _gateway(route, ref)
    scope = f"{gateway}/{ref.section_name}" if ref.section_name else gateway
    candidates = slots.of(gateway)
    hostnames = route.body.spec.hostnames
    if candidates is None:
        slot = slots.implied(gateway, ref.section_name, ref.port)
        return _accepted(scope, (Attachment(slot, common_hostnames(slot.hostname, hostnames)),))
    wanted = [slot for slot in candidates if _is_meant(slot, ref)]
    if not wanted:
        return _refused(
            scope, "NoMatchingParent", f"Gateway {gateway} has no working listener that the reference names"
        )
    labels = slots.namespace_labels(route.namespace)
    allowed = [slot for slot in wanted if slot.admits(route.namespace, labels)]
    if not allowed:
        return _refused(scope, "NotAllowedByListeners", f"no listener of {gateway} allows this route")
    shared = [Attachment(slot, common_hostnames(slot.hostname, hostnames)) for slot in allowed]
    attachments = tuple(item for item in shared if item.hostnames)
    if not attachments:
        return _refused(scope, "NoMatchingListenerHostname", f"no listener of {gateway} has a hostname of this route")
    return _accepted(scope, attachments)


def _is_meant(slot: Slot, ref: ParentReference) -> bool:
    return ref.section_name in (None, slot.spec.name) and ref.port in (None, slot.spec.port)


def _accepted(scope: str, attachments: tuple[Attachment, ...]) -> Parent:
    condition = Condition(type="Accepted", status=True, reason="Accepted", message="Route was accepted", scope=scope)
    return Parent(scope, condition, attachments)


def _refused(scope: str, reason: str, message: str) -> Parent:
    return Parent(scope, Condition(type="Accepted", status=False, reason=reason, message=message, scope=scope))
