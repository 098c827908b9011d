"""Manifests of labs, read as files are, as far as they limit: `traffic` of policies, and RateLimitConfigs; and a client
that sends what a lab sends."""

from collections.abc import Mapping

from sluice.chat.request import ChatRequest
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.layers import Said
from sluice.config.limit_api import LimitSettings
from sluice.config.limit_config_api import RateLimitConfig
from sluice.config.limit_policy import LimitReader
from sluice.config.source import Source, read
from sluice.errors import RateLimited
from sluice.policies.limiting import Limiting
from sluice.policies.scene import Scene
from tests.config.limits import Beside, Found, where
from tests.gateway.limiting import World, ended

MEMBERS = ("rateLimit", "entRateLimit")
"""Of `spec.traffic`, those that limit."""


def lab(text: str) -> Limiting:
    """Load manifests.

    Raises:
        ConfigError: something in them is wrong.
    """
    faults = Faults()
    configs: dict[str, Found] = {}
    layers: list[Said[LimitSettings]] = []
    for document in read(Source("lab.yaml", text), faults):
        value = document.value
        assert isinstance(value, dict)
        if value["kind"] == "RateLimitConfig":
            body = decode(document, RateLimitConfig, faults)
            assert body is not None
            configs[f"{body.metadata.namespace}/{body.metadata.name}"] = Found(document, body)
            continue
        traffic = {name: said for name, said in value["spec"]["traffic"].items() if name in MEMBERS}
        settings = decode(document.part(traffic, "spec", "traffic"), LimitSettings, faults)
        assert settings is not None
        layers.append(Said(settings, document, ("spec", "traffic"), value["metadata"]["namespace"]))
    limiting = LimitReader(Beside(configs), where, faults).limiting(layers)
    faults.check()
    return limiting


class Client:
    """Sends requests through the limits of a lab, one after the other; each answer uses as much as it says."""

    def __init__(self, text: str, *, shared: bool = True) -> None:
        self.world = World(shared=shared)
        self._limits = lab(text)
        self.refusal: RateLimited | None = None

    async def ask(
        self,
        *,
        uses: int = 20,
        headers: Mapping[str, str] | None = None,
        jwt: Mapping[str, object] | None = None,
        key: Mapping[str, object] | None = None,
        address: str = "10.0.0.1",
        prompt: int = 12,
    ) -> int:
        """Return the status."""
        known: dict[str, object] = {
            "request": {"headers": {name.lower(): value for name, value in (headers or {}).items()}},
            "source": {"address": address, "port": 1},
        }
        if jwt is not None:
            known["jwt"] = dict(jwt)
        if key is not None:
            known["apiKey"] = dict(key)
        limiter = self.world.limiter
        try:
            hold = await limiter.reserve(self._limits, Scene(known), ChatRequest(model="gpt-4o-mini"), lambda: prompt)
        except RateLimited as refused:
            self.refusal = refused
            return refused.status
        hold.settle(ended(usage=uses))
        return 200
