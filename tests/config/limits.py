"""What the tests of limits in configurations share: YAML to layers, with objects beside them."""

from sluice.config.core_api import Object
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.guard_api import ServiceTarget
from sluice.config.layers import Said
from sluice.config.limit_api import LimitSettings
from sluice.config.limit_config_api import RateLimitConfig
from sluice.config.limit_policy import LimitReader, short_limiting
from sluice.config.objects import Objects
from sluice.config.plan import Endpoint
from sluice.config.references import Unresolved
from sluice.config.source import Document, Source, read
from sluice.config.unserved import refuse_unserved
from sluice.errors import ConfigError
from sluice.policies.limiting import Limiting


class Beside(Objects):
    """RateLimitConfigs alone."""

    def __init__(self, configs: dict[str, "Found"]) -> None:
        super().__init__()
        self._configs = configs

    def get(self, kind: type[Object], namespace: str, name: str) -> "Found | None":  # type: ignore[override]
        return self._configs.get(f"{namespace}/{name}")


class Found:
    """One object, as `Objects` holds it."""

    def __init__(self, document: Document, body: RateLimitConfig) -> None:
        self.document, self.body = document, body
        self.place = document.place


def where(target: ServiceTarget, namespace: str) -> Endpoint:
    if target.name == "missing":
        raise Unresolved("BackendNotFound", f"Service {namespace}/missing not found")
    return Endpoint(host=f"{target.name}.{target.namespace or namespace}", port=target.port or 0)


def limits_of(*policies: str, configs: str = "") -> Limiting:
    """Read policies, the weakest first; each is what stands under `spec.traffic`.

    Raises:
        ConfigError: as the operator would see it.
    """
    faults = Faults()
    beside: dict[str, Found] = {}
    for document in read(Source("configs.yaml", configs), faults):
        body = decode(document, RateLimitConfig, faults)
        if body is not None:
            refuse_unserved(document, body, faults)
            beside[f"{body.metadata.namespace}/{body.metadata.name}"] = Found(document, body)
    faults.check()
    reader = LimitReader(Beside(beside), where, faults)
    limiting = reader.limiting([_said(text, number, faults) for number, text in enumerate(policies)])
    faults.check()
    global notes
    notes = reader.notes
    return limiting


notes: list[str] = []
"""What the last one had to say."""


def short_limits_of(text: str) -> Limiting:
    """Read `policies` of the short form."""
    faults = Faults()
    (document,) = read(Source("c.yaml", text), faults)
    settings = decode(document, LimitSettings, faults)
    faults.check()
    assert settings is not None
    limiting = short_limiting(settings, document.place, faults, [])
    faults.check()
    return limiting


def refusal(text: str, configs: str = "") -> str:
    """Return what is said about a policy that is refused."""
    try:
        limits_of(text, configs=configs)
    except ConfigError as error:
        return str(error)
    raise AssertionError("it was not refused")


def _said(text: str, number: int, faults: Faults) -> Said[LimitSettings]:
    body = "".join(f"    {line}\n" for line in text.strip("\n").split("\n"))
    whole = f"metadata: {{name: p{number}, namespace: shop}}\nspec:\n  traffic:\n{body}"
    (document,) = read(Source("p.yaml", whole), faults)
    value = document.value
    assert isinstance(value, dict)
    settings = decode(document.part(value["spec"]["traffic"], "spec", "traffic"), LimitSettings, faults)
    faults.check()
    assert settings is not None
    return Said(settings=settings, document=document, path=("spec", "traffic"), namespace="shop")
