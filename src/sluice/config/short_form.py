"""The short form to the Plan: models by name behind one address.

PURE. Obeys: compat-agentgateway 3.1, and 3.2 for `policies.ai`: `$VAR`, `${VAR}` and `$$` in every value, port 4000, a
key that is not given is looked for in the environment variable of its provider.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from sluice.config.backends import needs_fake
from sluice.config.conditions import check_health
from sluice.config.decode import closest, decode
from sluice.config.faults import Faults
from sluice.config.layers import Said
from sluice.config.plan import Listener, ModelRoute, Plan
from sluice.config.process_section import read_process
from sluice.config.short_form_api import LlmSpec, ModelSettings, ProviderReference, ShortForm
from sluice.config.short_form_models import Models
from sluice.config.short_form_policies import ruled
from sluice.config.short_form_readers import NAMESPACE, ShortReaders
from sluice.config.short_form_settings import SettingsReader
from sluice.config.short_form_virtual import virtual_routes
from sluice.config.source import Document
from sluice.config.traffic import admission
from sluice.config.traffic_api import AdmissionSettings, Timeouts, TrafficSettings
from sluice.config.unified import unified_entries
from sluice.config.unserved import refuse_unserved
from sluice.config.virtual import backends_of
from sluice.registry import Registry

DEFAULT_PORT = 4000
NAME = "default/llm"
"""Of the one route."""


def compile_short_form(document: Document, env: Mapping[str, str], registry: Registry, faults: Faults) -> Plan | None:
    """Return the Plan of a short-form file; what is wrong goes to `faults`, and the result is then not to be used."""
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
        self._document, self._llm, self._registry, self._faults = document, llm, registry, faults
        self._models = Models(document, llm, env, registry, faults)
        self._readers = ShortReaders(document, env, faults)
        self._settings = SettingsReader(self._readers)

    def plan(self, form: ShortForm) -> Plan:
        models = tuple(self._model(index, route) for index, route in self._models.routes())
        routes = (*models, *virtual_routes(self._document, self._llm.virtual_models, models, self._faults))
        process = read_process(self._document, form, self._registry, self._faults)
        self._check_providers()
        return Plan(
            listeners=self._listeners(form),
            models=routes,
            limits=process.limits,
            admission=admission({NAME: [self._llm.policies.admission or AdmissionSettings()]})[0],
            logging=process.logging,
            observing=process.observing,
            addresses=process.addresses,
            notes=(*self._models.notes, *self._readers.notes, *self._readers.troubles),
            ledger=process.ledger,
            store=process.store,
            prices=process.prices,
            needs_fake=any(needs_fake(backend) for route in routes for backend in backends_of(route)),
        )

    def _model(self, index: int, route: ModelRoute) -> ModelRoute:
        """Return the route of a model with what its entry, and the provider that it refers to, say beside `params`."""
        spec = self._llm.models[index]
        layers: list[Said[ModelSettings]] = [self._said(spec, "models", index)]
        if isinstance(spec.provider, ProviderReference) and spec.provider.reference is not None:
            layers += [
                self._said(item.defaults, "providers", i, "defaults")
                for i, item in enumerate(self._llm.providers)
                if item.name == spec.provider.reference
            ][:1]
        assert route.backend is not None  # only virtual models go without
        return replace(route, backend=self._settings.backend(route.backend, spec, layers))

    def _check_providers(self) -> None:
        for index in range(len(self._llm.models)):
            check_health(
                self._llm.models[index].health, self._document.place, ("llm", "models", index, "health"), self._faults
            )
        for index, provider in enumerate(self._llm.providers):
            self._settings.check(self._said(provider.defaults, "providers", index, "defaults"))

    def _said(self, settings: ModelSettings, *steps: str | int) -> Said[ModelSettings]:
        return Said(settings, self._document, ("llm", *steps), NAMESPACE)

    def _listeners(self, form: ShortForm) -> tuple[Listener, ...]:
        pool = Timeouts(connect=form.config.backend.connect_timeout)
        rule = ruled(self._llm.policies, self._readers, TrafficSettings(timeouts=pool))
        chat, models = (replace(rule, name=name) for name in ("chat", "models"))
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
