"""The section `config`: what belongs to the process and to no route. Of the short form, or beside manifests.

PURE. The environment stands over it, as it does over everything that files say of the process. Obeys:
compat-agentgateway 3.3.
"""

from functools import partial

from sluice.config.addresses import host_port
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.frozen import Frozen
from sluice.config.ledger_url import LedgerUrl
from sluice.config.money_policy import catalog, database
from sluice.config.observing_policy import of_all_listeners, of_config
from sluice.config.plan import Addresses, Limits, Logging, Prices
from sluice.config.short_form_api import ConfigSpec, ShortForm
from sluice.config.source import Document
from sluice.config.store_url import RedisUrl, redis_url
from sluice.config.targets import providers
from sluice.config.unserved import refuse_unserved
from sluice.policies.observing import NOTHING, Observing
from sluice.registry import Registry

_SECTIONS = ("config", "frontendPolicies")
"""Of a short form that stands beside manifests."""
_OBJECTS = {"llm": "AgentgatewayModel", "gateways": "Gateway"}
"""What they are among manifests."""


class Process(Frozen):
    """What it says; members as those of a Plan."""

    limits: Limits = Limits()
    logging: Logging = Logging()
    addresses: Addresses = Addresses()
    observing: Observing = NOTHING
    ledger: LedgerUrl | None = None
    store: RedisUrl | None = None
    prices: tuple[Prices, ...] = ()


def read_process(document: Document, form: ShortForm, registry: Registry, faults: Faults) -> Process:
    """Return what a short form says of the process; what is wrong goes to `faults`."""
    config, defaults = form.config, Limits()
    idle = config.backend.pool_idle_timeout
    return Process(
        limits=Limits(pool_idle_timeout_s=defaults.pool_idle_timeout_s if idle is None else idle),
        logging=_logging(config),
        addresses=_addresses(config, document, faults),
        observing=_observing(form, document, faults),
        ledger=database(config.database, partial(document.place, "config", "database"), faults),
        store=_store(config, document, faults),
        prices=_prices(config, document, registry, faults),
    )


def beside_manifests(document: Document, registry: Registry, faults: Faults) -> Process:
    """Return what a document that is no object says of the process, where others are objects; what it says of models
    is a fault, because those are objects then.
    """
    sections = document.value if isinstance(document.value, dict) else {}
    if sections.keys().isdisjoint([*_SECTIONS, *_OBJECTS]):
        hint = "an object needs `apiVersion` and `kind`; beside objects may stand a section `config`"
        faults.add(document.place(), "this is neither an object nor a section of the process", hint)
        return Process()
    if not sections.keys().isdisjoint(_OBJECTS):
        for section, kind in _OBJECTS.items():
            if section in sections:
                faults.add(document.place(section), "it cannot stand beside objects", f"the object for it is {kind}")
        return Process()
    form = decode(document, ShortForm, faults)
    if form is None:
        return Process()
    refuse_unserved(document, form, faults)
    if form.config.backend.connect_timeout is not None:
        hint = "`tcp.connectTimeout` in `policies` of a backend is the same"
        faults.add(document.place("config", "backend", "connectTimeout"), "it is of the short form's models", hint)
    return read_process(document, form, registry, faults)


def _logging(config: ConfigSpec) -> Logging:
    defaults = Logging()
    return Logging(format=config.logging.format or defaults.format, level=config.logging.level or defaults.level)


def _observing(form: ShortForm, document: Document, faults: Faults) -> Observing:
    found = of_config(form.config, partial(document.place, "config"), faults)
    return of_all_listeners(found, form.frontend_policies, partial(document.place, "frontendPolicies"), faults)


def _store(config: ConfigSpec, document: Document, faults: Faults) -> RedisUrl | None:
    try:
        return None if config.shared_store is None else redis_url(config.shared_store.url)
    except ValueError as error:
        faults.add(document.place("config", "sharedStore", "url"), str(error))
        return None


def _prices(config: ConfigSpec, document: Document, registry: Registry, faults: Faults) -> tuple[Prices, ...]:
    names = {word: row.telemetry_name for row in providers(registry) for word in (row.key, *row.aliases)}
    found = []
    for index, item in enumerate(config.model_catalog):
        place = partial(document.place, "config", "modelCatalog", index, "inline")
        known = {} if item.inline is None else catalog(item.inline, names, place, faults)
        found.append(Prices(catalog=known, file=item.file or ""))
    return tuple(found)


def _addresses(config: ConfigSpec, document: Document, faults: Faults) -> Addresses:
    said = {"adminAddr": config.admin_addr, "statsAddr": config.stats_addr, "readinessAddr": config.readiness_addr}
    for field, text in said.items():
        if text not in (None, "off"):
            try:
                host_port(text or "", 0)
            except ValueError:
                faults.add(document.place("config", field), "expected `host:port` or `off`")
    return Addresses(
        admin=config.admin_addr or "", stats=config.stats_addr or "", readiness=config.readiness_addr or ""
    )
