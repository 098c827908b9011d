"""AgentgatewayBackend and Service: objects to Backends of the Plan.

PURE. Obeys: compat-agentgateway 2.2 to 2.4. What is wrong with the form is a fault; what is missing (a Secret, a
ConfigMap, a Service) makes the backend unusable and its condition `Accepted` false. The strongest policy wins per kind:
provider, then backend, then AgentgatewayPolicy.
"""

from collections.abc import Mapping

import msgspec

from sluice.config.access_api import AccessSettings
from sluice.config.backend_api import AgentgatewayBackend, AiProvider, NamedProvider
from sluice.config.backend_policy_api import BackendPolicies
from sluice.config.backend_settings import Layers, Settings
from sluice.config.conditions import check_health
from sluice.config.core_api import Service
from sluice.config.credentials import in_environment, in_region, wanted
from sluice.config.faults import Faults, Path
from sluice.config.layers import Said
from sluice.config.objects import Objects, Resource
from sluice.config.plan import AiBackend, Backend, Endpoint, HttpBackend, Target, Tls
from sluice.config.policy import Layer, Policies
from sluice.config.readers import Readers
from sluice.config.references import Unresolved, Values
from sluice.config.source import Document
from sluice.config.status import Condition, ObjectStatus
from sluice.config.targets import TargetSpec, endpoint_at, make_target, own_endpoint, served_provider, settings
from sluice.config.unserved import not_implemented
from sluice.policies.access import OPEN, Access
from sluice.policies.ai import AiPolicy, merged
from sluice.providers.custom import formats
from sluice.registry import Registry

__all__ = ["Backends", "needs_fake", "own_endpoint", "served_provider", "service_endpoint"]

NOTHING: Mapping[str, str] = {}
_ADVICE = {
    "SecretNotFound": ' Give it in a file; its `stringData: {Authorization: "Bearer ${VARIABLE}"}` may name a variable.'
}


class Backends:
    """All backends, compiled once, found by `namespace/name`."""

    def __init__(
        self,
        objects: Objects,
        values: Values,
        policies: Policies,
        readers: Readers,
        registry: Registry,
        faults: Faults,
        env: Mapping[str, str] = NOTHING,
    ) -> None:
        """`env` holds the credentials of clouds for backends that say nothing about theirs."""
        self._objects, self._policies, self._readers = objects, policies, readers
        self._registry, self._faults, self._env = registry, faults, env
        self._layers = Layers(values, env, faults)
        self._backends: dict[str, Backend] = {}
        self._errors: dict[str, str] = {}
        self.statuses: list[ObjectStatus] = []
        self.notes: list[str] = []
        for resource in objects.of(AgentgatewayBackend):
            self._take(resource, policies.layers(resource.label))

    def get(self, label: str) -> Backend | str | None:
        """Return a backend, the sentence why it cannot be used, or None if there is no such object."""
        return self._backends.get(label) or self._errors.get(label)

    def _take(self, resource: Resource[AgentgatewayBackend], layers: list[Layer]) -> None:
        accepted = Condition(type="Accepted", status=True, reason="Accepted", message="Backend successfully accepted")
        try:
            backend = self._compile(resource, layers)
            if backend is not None:
                self._backends[resource.label] = backend
        except Unresolved as error:
            self._errors[resource.label] = str(error)
            accepted = Condition(type="Accepted", status=False, reason="TranslationError", message=str(error))
            self.notes.append(
                f"{resource.kind} {resource.label} cannot be used: {error}.{_ADVICE.get(error.reason, '')}"
            )
        place = resource.place("metadata", "name")
        status = ObjectStatus(
            kind=resource.kind, name=resource.label, file=place.file, line=place.line, conditions=(accepted,)
        )
        self.statuses.append(status)

    def _compile(self, resource: Resource[AgentgatewayBackend], layers: list[Layer]) -> Backend | None:
        spec, document = resource.body.spec, resource.document
        if spec.policies is not None:
            self._check(document, ("spec", "policies"), spec.policies)
            layers = [Layer(spec.policies, document, ("spec", "policies")), *layers]
        if spec.static is not None and spec.static.host is not None and spec.static.port is not None:
            found = self._layers.settings(layers, resource.namespace, plain=True)
            endpoint = endpoint_at(spec.static.host, spec.static.port, found.tls)
            return HttpBackend(
                name=resource.label,
                endpoint=endpoint,
                clocks=found.clocks,
                access=self._access(resource, layers),
                shaping=found.shaping,
            )
        if spec.ai is None:
            return None  # a kind of backend that was refused as not implemented
        groups: list[tuple[Target | None, ...]] = []
        common = self._ai(resource, ("spec", "policies"), spec.policies, resource.label)
        if spec.ai.provider is not None:
            found = self._layers.settings(layers, resource.namespace)
            path: Path = ("spec", "ai", "provider")
            groups.append((self._target(resource, path, resource.name, spec.ai.provider, found, common),))
        for g, group in enumerate(spec.ai.groups or ()):
            targets = []
            for p, provider in enumerate(group.providers):
                path = ("spec", "ai", "groups", g, "providers", p)
                if provider.policies is not None:
                    self._check(document, (*path, "policies"), provider.policies)
                    if provider.policies.ext_auth is not None:
                        place = document.place(*path, "policies", "extAuth")
                        text = not_implemented("`extAuth` of one provider")
                        self._faults.add(place, text, "it may stand in the policies of the backend")
                found = self._layers.settings(_with_own(document, path, provider, layers), resource.namespace)
                own = self._ai(resource, (*path, "policies"), provider.policies, f"{resource.label} {provider.name}")
                targets.append(self._target(resource, path, provider.name, provider, found, merged(own, common)))
            groups.append(tuple(targets))
        served = tuple(tuple(target for target in group if target is not None) for group in groups)
        ai = self._policies.ai("AgentgatewayBackend", resource.label)
        access = self._access(resource, layers)
        return AiBackend(name=resource.label, groups=served, ai=ai, access=access)

    def _access(self, resource: Resource[AgentgatewayBackend], layers: list[Layer]) -> Access:
        """Return who may ask, as the strongest layer says it."""
        layer = next((layer for layer in layers if layer.policies.ext_auth is not None), None)
        if layer is None:
            return OPEN
        settings = AccessSettings(ext_auth=layer.policies.ext_auth)
        return self._readers.access.access([Said(settings, layer.document, layer.path, resource.namespace)])

    def _target(
        self,
        resource: Resource[AgentgatewayBackend],
        path: Path,
        name: str,
        spec: AiProvider,
        found: Settings,
        ai: AiPolicy,
    ) -> Target | None:
        document = resource.document
        provider = served_provider(self._registry, spec.key)
        if provider is None:
            self._faults.add(document.place(*path, spec.key), f"provider {spec.key} is not served by this version")
            return None
        try:
            variables = settings(provider, spec.settings)
            serves, paths = (
                formats((item.type, item.path or "") for item in spec.custom.formats) if spec.custom else ((), {})
            )
            target = make_target(
                TargetSpec(
                    name=name,
                    provider=provider,
                    model=spec.model,
                    endpoint=self._service(resource, spec, found.tls),
                    base_url="" if spec.host else spec.base_url,
                    host=spec.host or "",
                    port=spec.port or 0,
                    tls=found.tls,
                    base_path=spec.path_prefix,
                    path=spec.path or "",
                    formats=serves,
                    paths=paths,
                    variables=variables,
                    credential=found.credential,
                    passthrough=found.passthrough,
                    placement=found.placement,
                    cloud=found.cloud,
                    ai=ai,
                    clocks=found.clocks,
                    health=found.health,
                    credentials=found.credentials,
                    shaping=found.shaping,
                )
            )
        except ValueError as error:
            self._faults.add(document.place(*path, spec.key), str(error))
            return None
        return self._signed(resource, target, found)

    def _ai(
        self, resource: Resource[AgentgatewayBackend], path: Path, policies: BackendPolicies | None, name: str
    ) -> AiPolicy:
        if policies is None or policies.ai is None:
            return AiPolicy()
        said = Said(policies.ai, resource.document, (*path, "ai"), resource.namespace)
        return self._readers.ai.policy(said, name)

    def _check(self, document: Document, path: Path, policies: BackendPolicies) -> None:
        check_health(policies.health, document.place, (*path, "health"), self._faults)

    def _signed(self, resource: Resource[AgentgatewayBackend], target: Target, found: Settings) -> Target:
        """Return the target with the credential of the environment, where its cloud's own tools would take it from."""
        cloud, credential, provider = target.cloud, target.credential, target.provider
        if provider.auth != "key" and not (found.said or credential or found.passthrough):
            try:
                held = in_environment(provider, self._env)
            except ValueError as error:
                raise Unresolved("InvalidCredential", str(error)) from None
            if held is not None:
                cloud, credential = held.cloud, held.credential
        if provider.auth != "key" and not (cloud or credential or found.passthrough):
            self.notes.append(
                f"{resource.kind} {resource.label} has no credential and {wanted(provider)} is not set: {target.name} "
                "is asked without one."
            )
        cloud = in_region(cloud, target.variables.get("region", ""))
        return msgspec.structs.replace(target, cloud=cloud, credential=credential)

    def _service(self, resource: Resource[AgentgatewayBackend], spec: AiProvider, tls: Tls | None) -> Endpoint | None:
        """Return where the Service is that a custom provider refers to."""
        reference = spec.custom.backend_ref if spec.custom is not None else None
        if reference is None:
            return None
        if reference.kind == "InferencePool":
            raise Unresolved("InvalidKind", not_implemented("a `backendRef` of kind InferencePool"))
        service = self._objects.get(Service, resource.namespace, reference.name)
        if service is None:
            raise Unresolved("BackendNotFound", f"Service {resource.namespace}/{reference.name} not found")
        ports = [item.port for item in service.body.spec.ports]
        if reference.port is None and len(ports) != 1:
            raise Unresolved("BackendNotFound", f"the `backendRef` to Service {service.label} needs a `port`")
        endpoint = service_endpoint(service, reference.port or ports[0])
        return endpoint if tls is None else msgspec.structs.replace(endpoint, tls=tls)


def needs_fake(backend: AiBackend) -> bool:
    """Return whether a target waits for the lifecycle to fill in the port of the provider of this process."""
    return any(target.endpoint.port == 0 for group in backend.groups for target in group)


def service_endpoint(service: Resource[Service], port: int) -> Endpoint:
    """Return where a Service is, outside a cluster.

    Raises:
        Unresolved: the Service lists its ports and this is not one of them.
    """
    spec = service.body.spec
    if spec.ports and port not in [item.port for item in spec.ports]:
        raise Unresolved("BackendNotFound", f"Service {service.label} has no port {port}")
    name = service.name if service.namespace == "default" else f"{service.name}.{service.namespace}"
    return endpoint_at(spec.external_name or name, port, None)


def _with_own(document: Document, path: Path, provider: NamedProvider, layers: list[Layer]) -> list[Layer]:
    return layers if provider.policies is None else [Layer(provider.policies, document, (*path, "policies")), *layers]
