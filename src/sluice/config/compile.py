"""Files to the Plan: the one way in for everything that an operator writes.

PURE. Either a whole Plan comes out or one ConfigError that lists every place that is wrong; nothing in between.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sluice.config.attach import attach, implied_gateways
from sluice.config.backends import Backends, needs_fake
from sluice.config.expand import expand, expand_whole, inserted
from sluice.config.faults import Faults, Place
from sluice.config.gateway_api import HttpRoute
from sluice.config.listeners import Slot, Slots
from sluice.config.model_api import AgentgatewayModel
from sluice.config.model_attach import Attached, gateways_of_models
from sluice.config.models import Models
from sluice.config.objects import read_objects
from sluice.config.observing_policy import seen, told
from sluice.config.parameters import Parameters
from sluice.config.plan import AiBackend, Listener, ModelRoute, Plan
from sluice.config.policy import Policies, age
from sluice.config.process_section import Process, beside_manifests
from sluice.config.process_stores import stored
from sluice.config.readers import Readers
from sluice.config.references import Grants, Values
from sluice.config.routes import Routes
from sluice.config.routing import precedence
from sluice.config.rule_policies import RulePolicies
from sluice.config.short_form import compile_short_form
from sluice.config.source import Document, Expand, Source, Variables, read
from sluice.config.tracing_environment import traced
from sluice.config.virtual import backends_of
from sluice.registry import Registry


def load(sources: Sequence[Source], env: Mapping[str, str], registry: Registry) -> Plan:
    """Compile manifests (any number of files and documents) or the short form (one document) to a Plan.

    They are told apart by `apiVersion` and `kind`. Beside manifests one document may hold the section `config`. `env`
    is what `${VAR}` may refer to.

    Raises:
        ConfigError: one line per place, `file:line: path: what is wrong (hint)`.
    """
    faults = Faults()
    documents = [document for source in sources for document in read(source, faults, _variables(env))]
    faults.check()
    if not documents:
        faults.add(
            Place(", ".join(source.name for source in sources)), "no configuration found: there is no object in it"
        )
    objects = [document for document in documents if _is_manifest(document)]
    short = [document for document in documents if not _is_manifest(document)]
    plan = None
    if len(short) > 1:
        hint = "an object needs `apiVersion` and `kind`; the short form stands alone, a section `config` once"
        faults.add(short[1].place(), "this is neither an object nor alone", hint)
    elif objects:
        process = beside_manifests(short[0], registry, faults) if short else Process()
        plan = compile_manifests(objects, process, env, registry, faults)
    elif short:
        plan = compile_short_form(short[0], env, registry, faults)
    if plan is not None:
        plan = traced(stored(plan, env, faults), env, faults)
    faults.check()
    assert plan is not None
    return plan


def compile_manifests(
    documents: list[Document], process: Process, env: Mapping[str, str], registry: Registry, faults: Faults
) -> Plan:
    """Compile Gateway API and agentgateway.dev objects; what is wrong goes to `faults`, and the Plan is then not to
    be used.
    """
    objects = read_objects(documents, faults)
    grants = Grants(objects)
    values = Values(objects, env, faults)
    slots = Slots(objects, values, grants, faults)
    found = sorted(objects.of(HttpRoute), key=age)
    implied = implied_gateways(found, slots) | gateways_of_models(objects, slots)
    readers = Readers(objects, values, grants, env, faults)
    policies = Policies(objects, implied, readers, faults)
    holding = RulePolicies(policies, readers)
    backends = Backends(objects, values, policies, readers, registry, faults, env)
    routes = Routes(objects, backends, policies, holding, grants, faults)
    for route in found:
        routes.add(route, attach(route, slots, faults))
    models = Attached(Models(objects, values, env, readers, registry, faults), slots, holding, faults)
    parameters = Parameters(objects, process, faults)
    listeners = tuple(_listener(slot, holding) for slot in slots.all())
    sights = [seen(parameters.of(one.gateway), policies.sights(one.gateway, one.name)) for one in listeners]
    observing, listeners = told(parameters.everywhere, listeners, sights)
    notes = [
        f"Gateway {label} is not defined: its routes are served on a default listener." for label in sorted(implied)
    ]
    notes += [
        f"HTTPRoute {route.label} names no parent and is not served."
        for route in found
        if not route.body.spec.parent_refs
    ]
    if not found and not objects.of(AgentgatewayModel):
        notes.append("There is no HTTPRoute: every request is answered with 404.")
    notes += [*backends.notes, *models.notes, *readers.troubles, *parameters.notes]
    admission, words = policies.admission()
    statuses = (*slots.statuses(), *routes.statuses, *models.statuses, *backends.statuses, *policies.statuses)
    listeners = listeners or (Listener(name="http", gateway="default/sluice", port=8080),)
    return Plan(
        listeners=listeners,
        models=tuple(models.routes),
        limits=process.limits,
        admission=admission,
        logging=parameters.logging,
        addresses=process.addresses,
        observing=observing,
        statuses=statuses,
        notes=(*notes, *policies.notes, *words),
        store=process.store,
        ledger=process.ledger,
        prices=process.prices,
        needs_fake=_needs_fake(listeners, models.routes),
    )


_LITERAL = ("Secret", "ConfigMap")
"""Kinds whose values are texts of others: a Secret reads its own variables, and `123` is no number there."""


def _variables(env: Mapping[str, str]) -> Variables:
    def of_kind(kind: str | None) -> Expand | None:
        if kind is None:
            return lambda text: (expand(text, env), inserted(text, env))
        return None if kind in _LITERAL else lambda text: expand_whole(text, env)

    return of_kind


def _is_manifest(document: Document) -> bool:
    return isinstance(document.value, dict) and bool({"apiVersion", "kind"} & set(document.value))


def _listener(slot: Slot, holding: RulePolicies) -> Listener:
    """Return the listener with its entries in order of precedence; among equals the older route, then the order of
    rules.
    """
    by_age = sorted(slot.entries, key=lambda item: item[0])
    listener = slot.listener(tuple(sorted((entry for _, entry in by_age), key=precedence)))
    access, shaping, sources = holding.early(slot.gateway, slot.spec.name)
    return msgspec.structs.replace(listener, access=access, shaping=shaping, sources=sources)


def _needs_fake(listeners: tuple[Listener, ...], models: list[ModelRoute]) -> bool:
    backends = [item.backend for lis in listeners for entry in lis.entries for item in entry.rule.backends]
    backends += [backend for route in models for backend in backends_of(route)]
    return any(isinstance(backend, AiBackend) and needs_fake(backend) for backend in backends)
