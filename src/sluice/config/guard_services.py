"""Where the services are that guards ask, and with which credential.

PURE. A reference that does not resolve is no load error: the guard is there, has no verdict, and fails as its
`failureMode` says. Obeys: stream-life 10.6 (a `backendRef` leads to a Service, a static backend, or is a `url`).
"""

from collections.abc import Mapping

import msgspec

from sluice.config import access
from sluice.config.addresses import base_url, host_port
from sluice.config.backend_policy_api import Auth, BackendHttp, BackendTcp, BackendTls
from sluice.config.core_api import Schema
from sluice.config.credentials import cloud_of, in_environment, in_region
from sluice.config.decode import decode
from sluice.config.faults import Faults, Path
from sluice.config.guard_api import ServiceSettings, ServiceTarget
from sluice.config.guard_rules import Stands
from sluice.config.judging import JudgeService
from sluice.config.objects import Objects
from sluice.config.references import Grants, Unresolved, Values
from sluice.config.services import Services
from sluice.config.targets import endpoint_at
from sluice.config.unserved import Later, refuse_unserved
from sluice.providers.bedrock import BEDROCK
from sluice.providers.credential import HeaderPlacement
from sluice.providers.openai import OPENAI
from sluice.providers.provider import Provider
from sluice.providers.vertexai import VERTEXAI

NOTHING: Mapping[str, str] = {}
_AZURE_KEY = HeaderPlacement(name="ocp-apim-subscription-key", prefix="")


class ServicePolicies(Schema):
    """`policies` of a service; `backendAuth` is the short form's name for `auth`."""

    auth: Auth | None = None
    backend_auth: Auth | None = None
    http: BackendHttp | None = None
    tcp: BackendTcp | None = None
    tls: BackendTls | None = None
    tunnel: Later = None

    def __post_init__(self) -> None:
        if self.auth is not None and self.backend_auth is not None:
            raise ValueError("`auth` and `backendAuth` are one setting")


class Asking(msgspec.Struct, frozen=True):
    """A guard's service: its settings, and where they stand in what an object says."""

    settings: ServiceSettings
    said: Stands
    path: Path


class GuardServices:
    """Finds them. One per configuration; without objects there are no references."""

    def __init__(
        self,
        faults: Faults,
        *,
        objects: Objects | None = None,
        values: Values | None = None,
        grants: Grants | None = None,
        env: Mapping[str, str] = NOTHING,
    ) -> None:
        """`env` holds the credentials of those who say nothing about theirs."""
        objects = objects or Objects()
        self._values = values or Values(objects, env, faults)
        self._services = Services(objects, self._values, grants or Grants(objects), faults)
        self._env, self._faults = env, faults

    def referred(self, asking: Asking, target: ServiceTarget) -> JudgeService:
        """Return the service that a reference leads to.

        Raises:
            Unresolved: see `Services.endpoint`; or a Secret is missing.
        """
        endpoint = self._services.endpoint(target, asking.said.namespace)
        return self._with_policies(JudgeService(endpoint=endpoint), asking)

    def at(self, asking: Asking, url: str, *, written: str = "url") -> JudgeService:
        """Return the service at an address that an operator gave, a URL or a host; `written` is the member's name.

        Raises:
            Unresolved: it is no address (which is a fault as well), or a Secret is missing.
        """
        try:
            endpoint, base_path = base_url(url if "://" in url else f"https://{url}")
        except ValueError as error:
            raise self._unusable(asking, written, error) from None
        return self._with_policies(JudgeService(endpoint=endpoint, base_path=base_path), asking)

    def beside(self, asking: Asking, target: str) -> JudgeService:
        """Return the service at `host:port`, as the short form writes it; without a port it is 80.

        Raises:
            Unresolved: see `at`.
        """
        try:
            host, port = host_port(target, 80)
        except ValueError as error:
            raise self._unusable(asking, "target", error) from None
        return self._with_policies(JudgeService(endpoint=endpoint_at(host, port)), asking)

    # -- credentials of those who say nothing about theirs -------------------------------------------------------------

    def moderation(self, service: JudgeService) -> JudgeService:
        """Return it with the key of the environment if it has none."""
        return self._provided(service, OPENAI)

    def bedrock(self, service: JudgeService, region: str) -> JudgeService:
        """Return it with the keys of the environment if it has none, for this region."""
        provided = self._provided(service, BEDROCK)
        return msgspec.structs.replace(provided, cloud=in_region(provided.cloud, region))

    def model_armor(self, service: JudgeService) -> JudgeService:
        """Return it with the account of the environment if it has none."""
        return self._provided(service, VERTEXAI)

    def content_safety(self, service: JudgeService) -> JudgeService:
        """Return it with its key where Azure looks for it, unless the operator says where."""
        usual = service.placement == HeaderPlacement()
        return msgspec.structs.replace(service, placement=_AZURE_KEY) if usual else service

    def _provided(self, service: JudgeService, provider: Provider) -> JudgeService:
        if service.credential is not None or service.cloud is not None:
            return service
        try:
            found = in_environment(provider, self._env)
        except ValueError as error:
            raise Unresolved("InvalidCredential", str(error)) from None
        if found is None:
            return service
        return msgspec.structs.replace(service, credential=found.credential, cloud=found.cloud)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _with_policies(self, service: JudgeService, asking: Asking) -> JudgeService:
        said, path = asking.said, (*asking.path, "policies")
        if asking.settings.policies is None:
            return service
        part = said.document.part(asking.settings.policies, *said.path, *path)
        policies = decode(part, ServicePolicies, self._faults)
        if policies is None:
            return service
        refuse_unserved(part, policies, self._faults)
        auth = policies.auth or policies.backend_auth
        way: Path = ("auth",) if policies.auth is not None else ("backendAuth",)
        found = access.access(auth, said.namespace, self._values, part, way, self._faults)
        if found.passthrough:
            self._faults.add(part.place(*way), "a service that judges texts does not get the client's credential")
        if policies.http is not None:
            self._faults.add(part.place("http"), "a guard's own `timeout` says how long it waits for a verdict")
        tls = access.tls(policies.tls, said.namespace, self._values, part, ("tls",), self._faults)
        connect = None if policies.tcp is None else policies.tcp.connect_timeout
        return msgspec.structs.replace(
            service,
            endpoint=service.endpoint if tls is None else msgspec.structs.replace(service.endpoint, tls=tls),
            credential=found.credential,
            placement=found.placement or HeaderPlacement(),
            cloud=cloud_of(auth, said.namespace, self._values, self._env),
            connect_timeout_s=None if connect is None else float(connect),
        )

    def _unusable(self, asking: Asking, written: str, error: ValueError) -> Unresolved:
        self._faults.add(asking.said.place(*asking.path, written), str(error))
        return Unresolved("Invalid", str(error))
