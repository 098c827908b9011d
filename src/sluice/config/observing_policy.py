"""What operators want to see, read: each expression tried once while it is loaded, names checked, layers put together.

PURE. Weakest first: `config`, `frontendPolicies`, a policy of the Gateway, one of its listener. Member by member the
strongest that says something wins. Obeys: compat-agentgateway 3.3 and 4.1; agentgateway, `LoggingPolicy` (read
2026-11-21).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from sluice.config.expressions import Placing
from sluice.config.faults import Faults, Place
from sluice.config.frozen import Frozen
from sluice.config.layers import Said
from sluice.config.observing_api import AccessLogSettings, NamedExpression, NamedLabel, ShortAccessLog
from sluice.config.plan import Listener, Plan
from sluice.config.policy_api import Frontend
from sluice.config.short_form_api import ConfigSpec, FrontendPolicies
from sluice.config.tracing_policy import Finding, of_settings, of_short, of_spec
from sluice.policies.condition import Condition
from sluice.policies.observing import Fields, Logging, Observing, Tracing
from sluice.policies.scene import VARIABLES
from sluice.policies.value import Value

KEPT: Final = frozenset(["level", "time", "scope"])
"""Fields that tell what a line is: `jq 'select(.scope == "request")'`."""
RESERVED_LABELS: Final = frozenset(
    [
        *("bind", "gateway", "listener", "route", "route_rule", "backend", "protocol", "method", "status", "reason"),
        *("gen_ai_operation_name", "gen_ai_system", "gen_ai_request_model", "gen_ai_response_model"),
        *("gen_ai_token_type", "outcome", "phase", "target", "result", "action", "guard", "transport", "kind"),
        *("subtype", "connection", "state", "limit", "budget", "resource", "server", "le", "quantile", "tag"),
        *("worker", "instance", "job", "namespace", "pod", "container"),
    ]
)
"""Labels that metrics have by themselves, or that Prometheus gives them."""
_HINT: Final = 'such as `default(request.headers["x-user"], "nobody")`; a text of its own stands in quotes'
_ANEW: Final = "Which metrics there are, and their labels, changes when the process starts anew."
_TRUTH: Final = "such as `response.code >= 400`"


class LogChange(Frozen):
    """What one layer says of the access log."""

    filter: str | None = None
    sample: float | None = None
    add: Fields = ()
    remove: tuple[str, ...] = ()


class Sight(Frozen):
    """What one policy says, read."""

    log: LogChange = LogChange()
    labels: Fields = ()
    tracing: Tracing | None = None


# -- reading ----------------------------------------------------------------------------------------------------------


def of_config(config: ConfigSpec, place: Placing, faults: Faults) -> Observing:
    """Return what the section `config` says; `place` leads into it."""
    spec = config.logging
    change = LogChange(
        filter=_condition(spec.filter, place("logging", "filter"), faults),
        sample=spec.sample,
        add=mapped(spec.fields.add, lambda *steps: place("logging", "fields", "add", *steps), faults),
        remove=spec.fields.remove,
    )
    _keep(change, lambda *steps: place("logging", "fields", *steps), faults)
    labels = mapped(config.metrics.fields.add, lambda *steps: place("metrics", "fields", "add", *steps), faults)
    _free(labels, lambda i: place("metrics", "fields", "add", labels[i][0]), faults)
    return Observing(
        logging=logged(Logging(), change),
        labels=labels,
        removed_metrics=config.metrics.remove,
        tracing=of_spec(config.tracing, lambda *steps: place("tracing", *steps), faults),
        sensitive_headers=tuple(name.lower() for name in config.sensitive_headers),
    )


def of_all_listeners(observing: Observing, spec: FrontendPolicies, place: Placing, faults: Faults) -> Observing:
    """Return what the section `frontendPolicies` makes of it; `place` leads into that."""
    log: ShortAccessLog | None = spec.access_log
    if spec.tracing is not None:
        tracing = of_short(spec.tracing, lambda *steps: place("tracing", *steps), faults)
        observing = msgspec.structs.replace(observing, tracing=tracing)
    if log is None:
        return observing
    change = LogChange(
        filter=_condition(log.filter, place("accessLog", "filter"), faults),
        sample=log.sample,
        add=mapped(log.add, lambda *steps: place("accessLog", "add", *steps), faults),
        remove=log.remove,
    )
    _keep(change, lambda *steps: place("accessLog", *steps), faults)
    return msgspec.structs.replace(observing, logging=logged(observing.logging, change))


def of_policy(said: Said[Frontend], faults: Faults, endpoint: Finding) -> Sight:
    """Return what `frontend` of a policy says. `endpoint`: see `tracing_policy.of_settings`."""
    log, metrics, spans = said.settings.access_log, said.settings.metrics, said.settings.tracing
    tracing = None if spans is None else of_settings(said.part(spans, "tracing"), endpoint, faults)
    labels: Fields = ()
    if metrics is not None:
        entries = metrics.attributes.add
        labels = listed(entries, lambda *steps: said.place("metrics", "attributes", "add", *steps), faults)
        _free(labels, lambda i: said.place("metrics", "attributes", "add", i, "name"), faults)
    change = LogChange() if log is None else _of_policy(log, said, faults)
    return Sight(log=change, labels=labels, tracing=tracing)


def _of_policy(log: AccessLogSettings, said: Said[Frontend], faults: Faults) -> LogChange:
    attributes = log.attributes
    entries = () if attributes is None else attributes.add
    change = LogChange(
        filter=_condition(log.filter, said.place("accessLog", "filter"), faults),
        sample=log.sample,
        add=listed(entries, lambda *steps: said.place("accessLog", "attributes", "add", *steps), faults),
        remove=() if attributes is None else attributes.remove,
    )
    _keep(change, lambda *steps: said.place("accessLog", "attributes", *steps), faults)
    return change


def mapped(add: Mapping[str, str], place: Placing, faults: Faults) -> Fields:
    """Return a mapping of names to expressions, each tried."""
    for name, text in add.items():
        _try(text, place(name), faults)
    return tuple(add.items())


def listed(add: Iterable[NamedExpression | NamedLabel], place: Placing, faults: Faults) -> Fields:
    """Return a list of names and expressions, each tried."""
    found: dict[str, str] = {}
    for index, item in enumerate(add):
        _try(item.expression, place(index, "expression"), faults)
        if item.name in found:
            faults.add(place(index, "name"), f"`{item.name}` stands twice")
        found[item.name] = item.expression
    return tuple(found.items())


# -- checking ---------------------------------------------------------------------------------------------------------


def _try(text: str, place: Place, faults: Faults) -> None:
    try:
        Value(text)
    except ValueError as error:
        faults.add(place, str(error), _HINT)


def _condition(text: str | None, place: Place, faults: Faults) -> str | None:
    if text is not None:
        try:
            Condition(text, sees=VARIABLES)
        except ValueError as error:
            faults.add(place, str(error), _TRUTH)
    return text


def _keep(change: LogChange, place: Placing, faults: Faults) -> None:
    for name in KEPT.intersection([*dict(change.add), *change.remove]):
        where = place("add") if name in dict(change.add) else place("remove")
        faults.add(where, f"the field `{name}` tells what a line is: it stays as it is")


def _free(labels: Fields, place: Placing, faults: Faults) -> None:
    for index, (name, _) in enumerate(labels):
        if name in RESERVED_LABELS:
            faults.add(place(index), f"metrics have a label `{name}` already", "give it another name")


# -- putting together -------------------------------------------------------------------------------------------------


def logged(base: Logging, change: LogChange) -> Logging:
    """Return what is said of the log, with a stronger layer over it."""
    return Logging(
        filter=base.filter if change.filter is None else change.filter,
        sample=base.sample if change.sample is None else change.sample,
        add=change.add or base.add,
        remove=change.remove or base.remove,
    )


def over(weaker: Observing, stronger: Observing) -> Observing:
    """Return what two sections `config` say together; names of labels, metrics and headers add up."""
    plain, log = Logging(), stronger.logging
    change = LogChange(
        filter=log.filter or None,
        sample=None if log.sample == plain.sample else log.sample,
        add=log.add,
        remove=log.remove,
    )
    return Observing(
        logging=logged(weaker.logging, change),
        labels=tuple((dict(weaker.labels) | dict(stronger.labels)).items()),
        removed_metrics=(*weaker.removed_metrics, *stronger.removed_metrics),
        tracing=stronger.tracing or weaker.tracing,
        sensitive_headers=(*weaker.sensitive_headers, *stronger.sensitive_headers),
    )


def seen(base: Observing, layers: Iterable[Sight]) -> Observing:
    """Return what policies, the weakest first, make of what the process says."""
    log, labels, tracing = base.logging, dict(base.labels), base.tracing
    for layer in layers:
        log = logged(log, layer.log)
        labels |= dict(layer.labels)
        tracing = layer.tracing or tracing
    return msgspec.structs.replace(base, logging=log, labels=tuple(labels.items()), tracing=tracing)


def told(
    process: Observing, listeners: Sequence[Listener], sights: Sequence[Observing]
) -> tuple[Observing, tuple[Listener, ...]]:
    """Return what holds for the process, and the listeners, each with what holds for it where that is something else.
    All have the same labels, since a metric does: a listener for which one says nothing has no expression for it."""
    names = dict.fromkeys(name for each in (process, *sights) for name, _ in each.labels)
    removed = dict.fromkeys(name for each in (process, *sights) for name in each.removed_metrics)
    process = _aligned(process, names, removed)
    found = [_aligned(sight, names, removed) for sight in sights]
    return process, tuple(
        listener if sight == process else msgspec.structs.replace(listener, observing=sight)
        for listener, sight in zip(listeners, found, strict=True)
    )


def labelled(plan: Plan, before: Plan) -> Plan:
    """Return a plan that is loaded anew with the labels of metrics that the process began with, and a note if these are
    others than it says."""
    names, removed = [name for name, _ in before.observing.labels], before.observing.removed_metrics
    if [name for name, _ in plan.observing.labels] == names and plan.observing.removed_metrics == removed:
        return plan
    listeners = tuple(
        one
        if one.observing is None
        else msgspec.structs.replace(one, observing=_aligned(one.observing, names, removed))
        for one in plan.listeners
    )
    return msgspec.structs.replace(
        plan, observing=_aligned(plan.observing, names, removed), listeners=listeners, notes=(*plan.notes, _ANEW)
    )


def _aligned(observing: Observing, names: Iterable[str], removed: Iterable[str]) -> Observing:
    known = dict(observing.labels)
    labels = tuple((name, known.get(name, "")) for name in names)
    return msgspec.structs.replace(observing, labels=labels, removed_metrics=tuple(removed))
