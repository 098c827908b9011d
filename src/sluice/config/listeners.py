"""Gateway objects to listeners, with the conditions that the Gateway API asks for.

PURE. A listener that cannot work (unknown protocol, missing certificate, conflict) gets a condition and is left out;
the others serve.
Obeys: Gateway API 1.4, Gateway and ListenerConditionType. Ports are compared across Gateways, since one process binds
them all.
"""

import msgspec

from sluice.config.core_api import Namespace
from sluice.config.faults import Faults
from sluice.config.gateway_api import GATEWAY, Gateway, LabelSelector, ListenerSpec, SelectorTerm
from sluice.config.objects import Objects, Resource
from sluice.config.plan import Entry, Listener, ListenerTls
from sluice.config.references import Grants, Unresolved, Values
from sluice.config.status import Condition, ObjectStatus
from sluice.config.unserved import not_implemented

DEFAULT_PORT = 8080
DEFAULT_LISTENER = "http"


class Slot:
    """A listener being filled: what it may take, and what was attached to it."""

    def __init__(self, gateway: str, spec: ListenerSpec, tls: ListenerTls | None = None) -> None:
        self.gateway, self.spec, self.tls = gateway, spec, tls
        self.hostname = (spec.hostname or "").lower()
        self.routes: set[str] = set()
        self.entries: list[tuple[tuple[str, str], Entry]] = []
        """With the age of their route."""

    def admits(self, namespace: str, labels: dict[str, str], kind: tuple[str, str] = (GATEWAY, "HTTPRoute")) -> bool:
        """Return whether an object of this kind and this namespace, which has these labels, may attach."""
        allowed = self.spec.allowed_routes
        if allowed.kinds and not any((item.group, item.kind) == kind for item in allowed.kinds):
            return False
        if allowed.namespaces.from_ == "All":
            return True
        if allowed.namespaces.from_ == "Same":
            return namespace == self.gateway.partition("/")[0]
        selector = allowed.namespaces.selector or LabelSelector()
        return selects(selector, {"kubernetes.io/metadata.name": namespace, **labels})

    def listener(self, entries: tuple[Entry, ...]) -> Listener:
        return Listener(
            name=self.spec.name,
            gateway=self.gateway,
            port=self.spec.port,
            hostname=self.hostname,
            tls=self.tls,
            entries=entries,
        )


class Slots:
    """The listeners of all Gateways, and of those that exist only because a route names them."""

    def __init__(self, objects: Objects, values: Values, grants: Grants, faults: Faults) -> None:
        self._values, self._grants, self._faults = values, grants, faults
        self._labels = {item.name: item.labels for item in objects.of(Namespace)}
        self._slots: dict[str, list[Slot]] = {}
        self._protocols: dict[int, str] = {}
        self._troubles: dict[tuple[str, str], Condition] = {}
        self._gateways = objects.of(Gateway)
        for gateway in self._gateways:
            for index, spec in enumerate(gateway.body.spec.listeners):
                self._take(gateway, index, spec)

    def of(self, gateway: str) -> list[Slot] | None:
        """Return the working listeners of a Gateway object; None if there is no such object."""
        known = {item.label for item in self._gateways}
        return self._slots.get(gateway, []) if gateway in known else None

    def implied(self, gateway: str, name: str | None, port: int | None) -> Slot:
        """Return the listener of a Gateway that is not defined: port 8080 and the name `http`, unless the route says
        otherwise.
        """
        spec = ListenerSpec(name=name or DEFAULT_LISTENER, port=port or DEFAULT_PORT, protocol="HTTP")
        slots = self._slots.setdefault(gateway, [])
        for slot in slots:
            if (slot.spec.name, slot.spec.port) == (spec.name, spec.port):
                return slot
        slots.append(Slot(gateway, spec))
        return slots[-1]

    def namespace_labels(self, namespace: str) -> dict[str, str]:
        return self._labels.get(namespace, {})

    def all(self) -> list[Slot]:
        return [slot for slots in self._slots.values() for slot in slots]

    def statuses(self) -> list[ObjectStatus]:
        """Return the conditions of the Gateway objects. Call it when all routes are attached."""
        return [self._status(gateway) for gateway in self._gateways]

    def _take(self, gateway: Resource[Gateway], index: int, spec: ListenerSpec) -> None:
        try:
            tls = self._check(gateway, index, spec)
            self._slots.setdefault(gateway.label, []).append(Slot(gateway.label, spec, tls))
        except Unresolved as error:
            kind = {
                "UnsupportedProtocol": "Accepted",
                "ProtocolConflict": "Conflicted",
                "HostnameConflict": "Conflicted",
            }
            trouble = kind.get(error.reason, "ResolvedRefs")
            self._troubles[gateway.label, spec.name] = Condition(
                type=trouble, status=trouble == "Conflicted", reason=error.reason, message=str(error), scope=spec.name
            )

    def _check(self, gateway: Resource[Gateway], index: int, spec: ListenerSpec) -> ListenerTls | None:
        if spec.protocol not in ("HTTP", "HTTPS"):
            raise Unresolved("UnsupportedProtocol", f"protocol {spec.protocol} is not served; HTTP and HTTPS are")
        tls = self._tls(gateway, index, spec) if spec.protocol == "HTTPS" else None
        if self._protocols.setdefault(spec.port, spec.protocol) != spec.protocol:
            raise Unresolved("ProtocolConflict", f"port {spec.port} is already used with another protocol")
        hostname = (spec.hostname or "").lower()
        for other in self._slots.get(gateway.label, []):
            if (other.spec.port, other.hostname) == (spec.port, hostname):
                text = f"listener {other.spec.name} has the same port and hostname"
                raise Unresolved("HostnameConflict", text)
        return tls

    def _tls(self, gateway: Resource[Gateway], index: int, spec: ListenerSpec) -> ListenerTls:
        path = ("spec", "listeners", index)
        if spec.tls is None or not spec.tls.certificate_refs:
            self._faults.add(gateway.place(*path), "a listener with protocol HTTPS needs `tls.certificateRefs`")
            raise Unresolved("InvalidCertificateRef", "no certificate")
        if spec.tls.mode == "Passthrough":
            self._faults.add(gateway.place(*path, "tls", "mode"), not_implemented("`Passthrough`"))
        ref = spec.tls.certificate_refs[0]
        if (ref.group, ref.kind) != ("", "Secret"):
            raise Unresolved("InvalidCertificateRef", f"a certificate is a Secret, not a {ref.kind}")
        namespace = ref.namespace or gateway.namespace
        self._grants.check((GATEWAY, "Gateway", gateway.namespace), "", "Secret", namespace, ref.name)
        try:
            chain = self._values.secret(namespace, ref.name, "tls.crt").reveal()
            key = self._values.secret(namespace, ref.name, "tls.key")
        except Unresolved as error:
            raise Unresolved("InvalidCertificateRef", str(error)) from None
        if "-----BEGIN CERTIFICATE-----" not in chain or "PRIVATE KEY-----" not in key.reveal():
            text = f"Secret {namespace}/{ref.name} holds no PEM certificate and key"
            raise Unresolved("InvalidCertificateRef", text)
        return ListenerTls(certificate_pem=chain, key_pem=key)

    def _status(self, gateway: Resource[Gateway]) -> ObjectStatus:
        names = [spec.name for spec in gateway.body.spec.listeners]
        attached = {slot.spec.name: len(slot.routes) for slot in self._slots.get(gateway.label, [])}
        troubled = [name for name in names if name not in attached]
        reason = "ListenersNotValid" if troubled else "Accepted"
        message = f"listeners that cannot serve: {', '.join(troubled)}" if troubled else ""
        conditions = [
            Condition(type="Accepted", status=bool(attached), reason=reason, message=message),
            _programmed(bool(attached), ""),
        ]
        for name in names:
            conditions += self._listener_conditions(gateway.label, name)
        place = gateway.place("metadata", "name")
        return ObjectStatus(
            kind=gateway.kind,
            name=gateway.label,
            file=place.file,
            line=place.line,
            conditions=tuple(conditions),
            attached_routes={name: attached.get(name, 0) for name in names},
        )

    def _listener_conditions(self, gateway: str, name: str) -> list[Condition]:
        trouble = self._troubles.get((gateway, name))
        conditions = {
            "Accepted": Condition(type="Accepted", status=True, reason="Accepted", scope=name),
            "Programmed": _programmed(trouble is None, name),
            "ResolvedRefs": Condition(type="ResolvedRefs", status=True, reason="ResolvedRefs", scope=name),
        }
        if trouble is not None:
            conditions[trouble.type] = trouble
            if trouble.type == "Conflicted":
                accepted = msgspec.structs.replace(trouble, type="Accepted", status=False)
                conditions["Accepted"] = accepted
        return list(conditions.values())


def _programmed(done: bool, scope: str) -> Condition:
    return Condition(type="Programmed", status=done, reason="Programmed" if done else "Invalid", scope=scope)


def selects(selector: LabelSelector, labels: dict[str, str]) -> bool:
    """Return whether a label selector (Kubernetes, LabelSelector) selects an object with these labels."""
    return selector.match_labels.items() <= labels.items() and all(
        _term_holds(term, labels) for term in selector.match_expressions
    )


def _term_holds(term: SelectorTerm, labels: dict[str, str]) -> bool:
    if term.operator == "Exists":
        return term.key in labels
    if term.operator == "DoesNotExist":
        return term.key not in labels
    return (labels.get(term.key) in term.values) is (term.operator == "In")
