"""AgentgatewayBackend and Service: objects to Backends of the Plan.

PURE. Obeys: compat-agentgateway 2.2 and 2.4. What is wrong with the form is a fault; what is missing (a Secret, a
ConfigMap) makes the backend unusable and its condition `Accepted` false. The strongest policy wins per kind:
provider, then backend, then AgentgatewayPolicy.
"""

import msgspec

from sluice.config.backend_api import AgentgatewayBackend, AiProvider, NamedProvider
from sluice.config.backend_policy_api import Auth, BackendTls
from sluice.config.core_api import Service
from sluice.config.faults import Faults, Path
from sluice.config.objects import Objects, Resource
from sluice.config.plan import AiBackend, Backend, Condition, Endpoint, HttpBackend, ObjectStatus, Target, Tls
from sluice.config.policy import Layer, Policies
from sluice.config.references import Unresolved, Values, fits_header
from sluice.config.source import Document
from sluice.config.units import Duration
from sluice.config.unserved import not_implemented
from sluice.providers.credential import HeaderPlacement, Secret
from sluice.providers.provider import Provider
from sluice.registry import Registry

LOOPBACK = "127.0.0.1"
_ADVICE = {
    "SecretNotFound": ' Give it in a file; its `stringData: {Authorization: "Bearer ${VARIABLE}"}` may name a variable.'
}

TLS_PORT = 443
"""The one port where TLS is spoken without being asked for."""


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the layers of policies come to."""

    credential: Secret | None = None
    passthrough: bool = False
    placement: HeaderPlacement | None = None
    connect_timeout_s: float | None = None
    headers_timeout_s: float | None = None
    tls: Tls | None = None


class Backends:
    """All backends, compiled once, found by `namespace/name`."""

    def __init__(
        self, objects: Objects, values: Values, policies: Policies, registry: Registry, faults: Faults
    ) -> None:
        self._values, self._registry, self._faults = values, registry, faults
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
            layers = [Layer(spec.policies, document, ("spec", "policies")), *layers]
        if spec.static is not None and spec.static.host is not None and spec.static.port is not None:
            settings = self._settings(layers, resource.namespace, plain=True)
            endpoint = _endpoint(spec.static.host, spec.static.port, settings.tls)
            return HttpBackend(
                name=resource.label,
                endpoint=endpoint,
                connect_timeout_s=settings.connect_timeout_s,
                headers_timeout_s=settings.headers_timeout_s,
            )
        if spec.ai is None:
            return None  # a kind of backend that was refused as not implemented
        groups: list[tuple[Target | None, ...]] = []
        if spec.ai.provider is not None:
            settings = self._settings(layers, resource.namespace)
            path: Path = ("spec", "ai", "provider")
            groups.append((self._target(document, path, resource.name, spec.ai.provider, settings),))
        for g, group in enumerate(spec.ai.groups or ()):
            targets = []
            for p, provider in enumerate(group.providers):
                path = ("spec", "ai", "groups", g, "providers", p)
                settings = self._settings(_with_own(document, path, provider, layers), resource.namespace)
                targets.append(self._target(document, path, provider.name, provider, settings))
            groups.append(tuple(targets))
        served = tuple(tuple(target for target in group if target is not None) for group in groups)
        return AiBackend(name=resource.label, groups=served)

    def _target(
        self, document: Document, path: Path, name: str, spec: AiProvider, settings: _Settings
    ) -> Target | None:
        provider = served_provider(self._registry, spec.key)
        if provider is None:
            self._faults.add(document.place(*path, spec.key), f"provider {spec.key} is not served by this version")
            return None
        if spec.host is not None and spec.port is not None:
            endpoint = _endpoint(spec.host, spec.port, settings.tls)
        else:
            endpoint = own_endpoint(provider, settings.tls)
        return Target(
            name=name,
            provider=provider,
            endpoint=endpoint,
            model=spec.model,
            chat_path=spec.path or "",
            base_path=spec.path_prefix or "",
            credential=settings.credential,
            passthrough=settings.passthrough,
            placement=settings.placement,
            connect_timeout_s=settings.connect_timeout_s,
            headers_timeout_s=settings.headers_timeout_s,
        )

    def _settings(self, layers: list[Layer], namespace: str, *, plain: bool = False) -> _Settings:
        """Return what the layers, the strongest first, come to: per kind of policy the first one wins whole."""
        result = _Settings()
        if (layer := _first(layers, "auth")) is not None and layer.policies.auth is not None:
            if plain:
                self._later(layer, "auth", "", "auth on a static backend")
            result = self._auth(result, layer, layer.policies.auth, namespace)
        if (layer := _first(layers, "http")) is not None and (http := layer.policies.http) is not None:
            if http.version == "HTTP2":
                self._later(layer, "http", "version", "HTTP2")
            result = msgspec.structs.replace(result, headers_timeout_s=_seconds(http.request_timeout))
        if (layer := _first(layers, "tcp")) is not None and (tcp := layer.policies.tcp) is not None:
            result = msgspec.structs.replace(result, connect_timeout_s=_seconds(tcp.connect_timeout))
        if (layer := _first(layers, "tls")) is not None and (tls := layer.policies.tls) is not None:
            if tls.insecure_skip_verify == "Hostname":
                self._later(layer, "tls", "insecureSkipVerify", "Hostname")
            result = msgspec.structs.replace(result, tls=self._tls(tls, namespace))
        return result

    def _auth(self, settings: _Settings, layer: Layer, auth: Auth, namespace: str) -> _Settings:
        location = auth.location.header if auth.location is not None else None
        credential = None
        if auth.key is not None:
            credential = Secret(auth.key)
            if not fits_header(credential):
                place = layer.document.place(*layer.path, "auth", "key")
                self._faults.add(place, "the key is empty or holds characters that a header cannot carry")
        elif auth.secret_ref is not None:
            credential = self._values.header(namespace, auth.secret_ref.name, auth.secret_ref.key)
        elif location is not None:
            self._later(layer, "auth", "location", "location with passthrough")
        placement = HeaderPlacement(location.name.lower(), location.prefix) if location is not None else None
        passthrough = auth.passthrough is not None
        return msgspec.structs.replace(settings, credential=credential, passthrough=passthrough, placement=placement)

    def _tls(self, spec: BackendTls, namespace: str) -> Tls:
        pems = [self._values.text(namespace, ref.name, "ca.crt") for ref in spec.ca_certificate_refs]
        if any("-----BEGIN CERTIFICATE-----" not in pem for pem in pems):
            raise Unresolved("InvalidCACertificateRef", "the key `ca.crt` holds no PEM certificate")
        verify = spec.insecure_skip_verify != "All"
        return Tls(server_name=spec.sni or "", ca_pem="".join(pems), verify=verify)

    def _later(self, layer: Layer, kind: str, field: str, what: str) -> None:
        steps = (kind, field) if field else (kind,)
        self._faults.add(layer.document.place(*layer.path, *steps), not_implemented(f"`{what}`"))


def served_provider(registry: Registry, key: str) -> Provider | None:
    """Return the row of a provider key, or None if this version has none."""
    try:
        return registry.get(f"provider.{key}", Provider)
    except KeyError:
        return None


def own_endpoint(provider: Provider, tls: Tls | None = None) -> Endpoint:
    """Return where a provider is when the operator does not say; a row without a host is the provider of this
    process, at port 0.
    """
    if not provider.host:
        return Endpoint(host=LOOPBACK, port=0)
    return Endpoint(host=provider.host, port=provider.port, tls=tls or (Tls() if provider.tls else None))


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
    return _endpoint(spec.external_name or name, port, None)


def _endpoint(host: str, port: int, tls: Tls | None) -> Endpoint:
    return Endpoint(host=host.strip("[]"), port=port, tls=tls or (Tls() if port == TLS_PORT else None))


def _with_own(document: Document, path: Path, provider: NamedProvider, layers: list[Layer]) -> list[Layer]:
    return layers if provider.policies is None else [Layer(provider.policies, document, (*path, "policies")), *layers]


def _first(layers: list[Layer], kind: str) -> Layer | None:
    return next((layer for layer in layers if getattr(layer.policies, kind) is not None), None)


def _seconds(value: Duration | None) -> float | None:
    return None if value is None else float(value)
