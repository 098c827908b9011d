"""The short form to the Plan: models by name behind one address.

PURE. Obeys: compat-agentgateway 3.1, and 3.2 for `policies.ai`: `$VAR`, `${VAR}` and `$$` in every value, port 4000, a
key that is not given is looked for in the environment variable of its provider.
"""

from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from sluice.config.addresses import host_port
from sluice.config.ai_policy import members, short_ai_policy
from sluice.config.backends import needs_fake
from sluice.config.conditions import check_health, check_retry
from sluice.config.decode import closest, decode
from sluice.config.expand import expand
from sluice.config.faults import Faults, Path
from sluice.config.health_policy import health
from sluice.config.plan import (
    Addresses,
    Limits,
    Listener,
    Logging,
    ModelRoute,
    Plan,
    Rule,
)
from sluice.config.short_form_api import ConfigSpec, LlmSpec, ProviderDefaults, ProviderReference, ShortForm
from sluice.config.short_form_models import Models
from sluice.config.short_form_virtual import virtual_routes
from sluice.config.source import Document, Source, read
from sluice.config.traffic import admission, treated
from sluice.config.traffic_api import AdmissionSettings, Timeouts, TrafficSettings
from sluice.config.unified import unified_entries
from sluice.config.unserved import refuse_unserved
from sluice.config.virtual import backends_of
from sluice.policies.ai import AiPolicy
from sluice.registry import Registry

T = TypeVar("T")

DEFAULT_PORT = 4000
NAME = "default/llm"
"""Of the one route."""


def compile_short_form(source: Source, env: Mapping[str, str], registry: Registry, faults: Faults) -> Plan | None:
    """Return the Plan of a short-form file; what is wrong goes to `faults`, and the result is then not to be used."""
    documents = read(source, faults, lambda text: expand(text, env))
    if not documents:
        return None
    document = documents[0]
    form = decode(document, ShortForm, faults)
    if form is None:
        return None
    refuse_unserved(document, form, faults)
    if form.llm is None:
        hint = "an object of Kubernetes needs `apiVersion` and `kind`"
        faults.add(document.place(), "the section `llm` is missing", hint)
        return None
    return _Compiler(document, form.llm, env, registry, faults).plan(form)


class _Compiler:
    """One file on its way to a Plan."""

    def __init__(
        self, document: Document, llm: LlmSpec, env: Mapping[str, str], registry: Registry, faults: Faults
    ) -> None:
        self._document, self._llm, self._faults = document, llm, faults
        self._models = Models(document, llm, env, registry, faults)

    def plan(self, form: ShortForm) -> Plan:
        models = tuple(self._model(route) for route in self._models.routes())
        routes = (*models, *virtual_routes(self._document, self._llm.virtual_models, models, self._faults))
        pool, policies = form.config.backend, self._llm.policies
        self._check_health()
        check_retry(policies.retry, self._document.place, ("llm", "policies", "retry"), self._faults)
        defaults = Limits()
        return Plan(
            listeners=self._listeners(form),
            models=routes,
            limits=Limits(pool_idle_timeout_s=_or(pool.pool_idle_timeout, defaults.pool_idle_timeout_s)),
            admission=admission({NAME: [policies.admission or AdmissionSettings()]})[0],
            logging=_logging(form.config),
            addresses=self._addresses(form.config),
            notes=tuple(self._models.notes),
            needs_fake=any(needs_fake(backend) for route in routes for backend in backends_of(route)),
        )

    def _model(self, route: ModelRoute) -> ModelRoute:
        """Return the route of a model with what its entry, and the provider that it refers to, say beside `params`."""
        spec = next(spec for spec in self._llm.models if spec.name == route.pattern)
        shared = ProviderDefaults()
        if isinstance(spec.provider, ProviderReference):
            found = (item.defaults for item in self._llm.providers if item.name == spec.provider.reference)
            shared = next(found, shared)
        defaults = shared.defaults if spec.defaults is None else spec.defaults
        overrides = shared.overrides if spec.overrides is None else spec.overrides
        ai = AiPolicy(defaults=members((defaults or {}).items()), overrides=members((overrides or {}).items()))
        rests = health(shared.health if spec.health is None else spec.health)
        assert route.backend is not None  # only virtual models go without
        groups = tuple(
            tuple(replace(target, ai=ai, health=rests) for target in group) for group in route.backend.groups
        )
        return replace(route, backend=replace(route.backend, groups=groups))

    def _check_health(self) -> None:
        for index, model in enumerate(self._llm.models):
            check_health(model.health, self._document.place, ("llm", "models", index, "health"), self._faults)
        for index, provider in enumerate(self._llm.providers):
            path: Path = ("llm", "providers", index, "defaults", "health")
            check_health(provider.defaults.health, self._document.place, path, self._faults)

    def _listeners(self, form: ShortForm) -> tuple[Listener, ...]:
        pool = Timeouts(connect=form.config.backend.connect_timeout)
        layers = (TrafficSettings(timeouts=pool), self._llm.policies)
        chat = treated(Rule(name="chat", backends=(), gateway_ai=short_ai_policy(self._llm.policies.ai)), layers)
        models = treated(Rule(name="models", backends=()), layers)
        entries = unified_entries(NAME, by_model=chat, model_list=models)
        ports = self._ports(form)
        return tuple(
            Listener(name="http", gateway=f"default/{name}", port=port, entries=entries) for name, port in ports
        )

    def _ports(self, form: ShortForm) -> list[tuple[str, int]]:
        if self._llm.port is not None or not form.gateways:
            if self._llm.gateways and self._llm.gateways != ("default",):
                self._faults.add(self._document.place("llm", "gateways"), "the section `gateways` does not define them")
            return [("default", self._llm.port or DEFAULT_PORT)]
        ports = []
        for index, name in enumerate(self._llm.gateways or form.gateways):
            if name in form.gateways:
                ports.append((name, form.gateways[name].port))
            else:
                place = self._document.place("llm", "gateways", index)
                self._faults.add(place, "no such gateway is defined", closest(name, form.gateways))
        return ports

    def _addresses(self, config: ConfigSpec) -> Addresses:
        fields = {
            "adminAddr": config.admin_addr,
            "statsAddr": config.stats_addr,
            "readinessAddr": config.readiness_addr,
        }
        for field, text in fields.items():
            if text not in (None, "off"):
                try:
                    host_port(text or "", 0)
                except ValueError:
                    self._faults.add(self._document.place("config", field), "expected `host:port` or `off`")
        return Addresses(
            admin=config.admin_addr or "", stats=config.stats_addr or "", readiness=config.readiness_addr or ""
        )


def _logging(config: ConfigSpec) -> Logging:
    defaults = Logging()
    return Logging(format=config.logging.format or defaults.format, level=config.logging.level or defaults.level)


def _or(value: T | None, default: T) -> T:
    return default if value is None else value
