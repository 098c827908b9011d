"""What the policies of a backend come to, for one of its targets: its own, then the backend's, then those of
AgentgatewayPolicies.

PURE. Obeys: compat-agentgateway 2.2 to 2.5. The strongest layer wins per kind of policy, whole.
"""

from collections.abc import Mapping
from functools import partial

import msgspec

from sluice.config.access import access, tls
from sluice.config.clock_policy import own_clocks
from sluice.config.credentials import cloud_of
from sluice.config.faults import Faults, Path
from sluice.config.health_policy import health
from sluice.config.plan import Tls
from sluice.config.policy import Layer
from sluice.config.references import Values
from sluice.config.shaping_policy import backend_shaping
from sluice.config.unserved import not_implemented
from sluice.policies.deadlines import OwnClocks
from sluice.policies.health import Health
from sluice.policies.shaping import NO_SHAPING, Shaping
from sluice.providers.credential import CloudAuth, Credential, Placement, Secret


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the layers of policies come to."""

    credential: Secret | None = None
    passthrough: bool = False
    placement: Placement | None = None
    credentials: tuple[Credential, ...] = ()
    cloud: CloudAuth | None = None
    said: bool = False
    """Some policy of kind `auth` is there."""
    clocks: OwnClocks | None = None
    tls: Tls | None = None
    health: Health = Health()
    shaping: Shaping = NO_SHAPING


class Layers:
    """Reads layers of policies; `env` holds the keys that a policy of kind `aws` or `gcp` may leave to it."""

    def __init__(self, values: Values, env: Mapping[str, str], faults: Faults) -> None:
        self._values, self._env, self._faults = values, env, faults

    def settings(self, layers: list[Layer], namespace: str, *, plain: bool = False) -> Settings:
        """Return what the layers, the strongest first, come to; `plain` is a backend that speaks plain HTTP.

        Raises:
            Unresolved: a Secret or a ConfigMap that they name is missing.
        """
        result = Settings()
        if plain and (layer := _first(layers, "ai")) is not None:
            self._later(layer, "ai", "", "ai on a static backend")
        if (layer := _first(layers, "auth")) is not None:
            if plain:
                self._later(layer, "auth", "", "auth on a static backend")
            result = self._auth(layer, namespace)
        http = _first(layers, "http")
        if http is not None and http.policies.http is not None and http.policies.http.version == "HTTP2":
            self._later(http, "http", "version", "HTTP2")
        result = msgspec.structs.replace(result, clocks=self._clocks(layers, plain=plain))
        if (layer := _first(layers, "tls")) is not None:
            path: Path = (*layer.path, "tls")
            found = tls(layer.policies.tls, namespace, self._values, layer.document, path, self._faults)
            result = msgspec.structs.replace(result, tls=found)
        if (layer := _first(layers, "health")) is not None:
            if plain:
                self._later(layer, "health", "", "health on a static backend")
            result = msgspec.structs.replace(result, health=health(layer.policies.health))
        if (layer := _first(layers, "transformation")) is not None:
            place = partial(layer.document.place, *layer.path)
            found_shaping = backend_shaping(place, self._faults, transformation=layer.policies.transformation)
            result = msgspec.structs.replace(result, shaping=found_shaping)
        return result

    def _clocks(self, layers: list[Layer], *, plain: bool) -> OwnClocks | None:
        http = next((layer.policies.http for layer in layers if layer.policies.http is not None), None)
        tcp = next((layer.policies.tcp for layer in layers if layer.policies.tcp is not None), None)
        said = _first(layers, "timeouts")
        timeouts = None if said is None else said.policies.timeouts
        if plain and said is not None and timeouts is not None and timeouts.first_token is not None:
            place = said.document.place(*said.path, "timeouts", "firstToken")
            self._faults.add(place, "a static backend is passed on unread: it has no tokens", "`responseIdle` holds")
        return own_clocks(
            timeouts,
            connect=None if tcp is None else tcp.connect_timeout,
            headers=None if http is None else http.request_timeout,
        )

    def _auth(self, layer: Layer, namespace: str) -> Settings:
        auth = layer.policies.auth
        found = access(auth, namespace, self._values, layer.document, (*layer.path, "auth"), self._faults)
        return Settings(
            credential=found.credential,
            passthrough=found.passthrough,
            placement=found.placement,
            credentials=found.credentials,
            cloud=cloud_of(auth, namespace, self._values, self._env),
            said=True,
        )

    def _later(self, layer: Layer, kind: str, field: str, what: str) -> None:
        steps = (kind, field) if field else (kind,)
        self._faults.add(layer.document.place(*layer.path, *steps), not_implemented(f"`{what}`"))


def _first(layers: list[Layer], kind: str) -> Layer | None:
    return next((layer for layer in layers if getattr(layer.policies, kind) is not None), None)
