"""What a reference of a policy's leads to: a Service, or a backend of kind AgentgatewayBackend that is static.

PURE. A reference that does not resolve is no load error: who holds it says what follows.
"""

from sluice.config.access import tls
from sluice.config.backend_api import AgentgatewayBackend
from sluice.config.backend_policy_api import AGENTGATEWAY
from sluice.config.core_api import Service
from sluice.config.faults import Faults, Path
from sluice.config.guard_api import ServiceTarget
from sluice.config.objects import Objects
from sluice.config.plan import Endpoint
from sluice.config.references import Grants, Unresolved, Values
from sluice.config.targets import endpoint_at


class Services:
    """Finds them among the objects of a configuration."""

    def __init__(self, objects: Objects, values: Values, grants: Grants, faults: Faults) -> None:
        self._objects, self._values, self._grants, self._faults = objects, values, grants, faults

    def endpoint(self, target: ServiceTarget, namespace: str) -> Endpoint:
        """Return where a reference leads that stands in a policy of this namespace.

        Raises:
            Unresolved: nobody is there, or may be referred to from here.
        """
        where = target.namespace or namespace
        origin = (AGENTGATEWAY, "AgentgatewayPolicy", namespace)
        self._grants.check(origin, target.group, target.kind, where, target.name)
        return self._service(target, where) if target.kind == "Service" else self._static(target, where)

    def _service(self, target: ServiceTarget, namespace: str) -> Endpoint:
        service = self._objects.get(Service, namespace, target.name)
        if service is None:
            raise Unresolved("BackendNotFound", f"Service {namespace}/{target.name} not found")
        spec = service.body.spec
        ports = [item.port for item in spec.ports]
        if target.port is None and len(ports) != 1:
            raise Unresolved("BackendNotFound", f"the `backendRef` to Service {service.label} needs a `port`")
        port = target.port or ports[0]
        if ports and port not in ports:
            raise Unresolved("BackendNotFound", f"Service {service.label} has no port {port}")
        name = service.name if namespace == "default" else f"{service.name}.{namespace}"
        return endpoint_at(spec.external_name or name, port)

    def _static(self, target: ServiceTarget, namespace: str) -> Endpoint:
        label = f"AgentgatewayBackend {namespace}/{target.name}"
        backend = self._objects.get(AgentgatewayBackend, namespace, target.name)
        if backend is None:
            raise Unresolved("BackendNotFound", f"{label} not found")
        static, policies = backend.body.spec.static, backend.body.spec.policies
        if static is None or static.host is None or static.port is None:
            raise Unresolved("InvalidKind", f"{label} is not static")
        path: Path = ("spec", "policies", "tls")
        spec = None if policies is None else policies.tls
        found = tls(spec, namespace, self._values, backend.document, path, self._faults)
        return endpoint_at(static.host, static.port, found)
