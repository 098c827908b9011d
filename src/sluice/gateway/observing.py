"""What an operator's own expressions say of an exchange, when that has ended: fields, labels, attributes.

Guarantee: each is evaluated at most once per exchange, after its last byte; what fails is left out; nothing is raised.
No credential is shown: values of headers and parameters that carry one are `<redacted>` before an expression looks
(`end_facts`), and so are those that are known wherever they stand in what it comes to (`unseen`). A plan that wants to
see nothing has no `Observers`.
Obeys: compat-agentgateway 3.3 and 4.1 to 4.4; labs A001.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from sluice.config.plan import Plan
from sluice.gateway.account import Account
from sluice.gateway.end_facts import end_scene
from sluice.gateway.unseen import Unseen, within
from sluice.policies.condition import Condition
from sluice.policies.json_value import NOT_JSON, json_value, spread
from sluice.policies.observing import UNOBSERVED, Fields, Logging, Observed, Observing
from sluice.policies.scene import VARIABLES, Scene
from sluice.policies.value import Value
from sluice.relay.record import UNKNOWN, ExchangeRecord, Route

Settle = Callable[[], ExchangeRecord]
Fault = Callable[[BaseException], None]
MAX_LABEL_CHARS = 256
"""Of a label's value; longer ones are cut."""
_SPANS = 1 << 64
_FAILED = 400
"""The gateway's own answers, which an operator wished for, are complete whatever their status."""


class Field:
    """A name and its expression, compiled. Never changed."""

    __slots__ = ("_bare", "_name", "_spread", "_value")

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._value = Value(text)
        self._spread = spread(text)
        self._bare = text.strip() in VARIABLES
        """It names a variable and no more: one of which nothing is known has no members."""

    def rows(self, scene: Scene, secrets: Sequence[str]) -> Iterator[tuple[str, object]]:
        """Yield names and values: none if it fails or comes to nothing, several if it spreads a map."""
        found = _come_to(self._value, scene)
        if found is not NOT_JSON and found is not None and not (self._bare and found == {}):
            yield from self._spread(self._name, within(found, secrets))


class Observer:
    """One Observing, compiled. Never changed."""

    def __init__(self, observing: Observing, unseen: Unseen, scheme: str) -> None:
        """`scheme`: of its listener's clients."""
        logging, tracing = observing.logging, observing.tracing
        self._scheme, self._unseen = scheme, unseen
        self._filter = Condition(logging.filter, sees=VARIABLES) if logging.filter else None
        self._sample = logging.sample
        self._removed = frozenset(logging.remove)
        self._fields = _compiled(logging.add)
        self._labels = tuple(Value(text) if text else None for _, text in observing.labels)
        self._attributes = () if tracing is None else _compiled(tracing.add)

    def observed(self, account: Account, record: ExchangeRecord, theirs: Sequence[str]) -> Observed:
        """Return what the expressions come to. `theirs`: the credentials that whoever was asked got."""
        failed = record.outcome != "completed" or record.status >= _FAILED
        logged = failed or int(record.span_id, 16) < self._sample * _SPANS
        attributes = self._attributes if record.trace is not None else ()
        looks = logged and (self._filter is not None or self._fields)
        if not (looks or self._labels or attributes):
            return Observed(logged=logged, removed=self._removed)
        taken = None if account.policing is None else account.policing.request.credential
        secrets = self._unseen.secrets(account.request, taken, theirs)
        sensitive = self._unseen.names
        scene = end_scene(account, record, scheme=self._scheme, sensitive=sensitive, secrets=secrets)
        logged = logged and (self._filter is None or self._filter.holds(scene))
        return Observed(
            logged=logged,
            fields=_rows(self._fields, scene, secrets) if logged else (),
            removed=self._removed,
            labels=tuple(_label(value, scene, secrets) for value in self._labels),
            attributes=_rows(attributes, scene, secrets),
        )


class Observers:
    """Those of a plan, by listener."""

    def __init__(self, plan: Plan) -> None:
        unseen = Unseen.of(plan)
        made: dict[tuple[int, str], Observer] = {}
        self._default = made[id(plan.observing), "http"] = Observer(plan.observing, unseen, "http")
        self._by_listener: dict[tuple[str, str], Observer] = {}
        for listener in plan.listeners:
            observing = plan.observing if listener.observing is None else listener.observing
            key = id(observing), "http" if listener.tls is None else "https"
            if key not in made:
                made[key] = Observer(observing, unseen, key[1])
            self._by_listener[listener.gateway, listener.name] = made[key]

    def of(self, route: Route) -> Observer:
        """Return the one of the listener that a request came to."""
        return self._by_listener.get((route.gateway, route.listener), self._default)

    def seen(self, account: Account, settle: Settle, theirs: Sequence[str], fault: Fault) -> ExchangeRecord:
        """Build the record of an exchange with what the expressions say of it. Never raises for their sake: `fault` is
        told what went wrong with them, and the record is as if nobody had asked."""
        record = settle()
        try:
            observed = self.of(record.route).observed(account, record, theirs)
        except Exception as error:
            fault(error)
            return record
        return record if observed == UNOBSERVED else msgspec.structs.replace(record, observed=observed)


def observers_of(plan: Plan) -> Observers | None:
    """Return the observers of a plan; None if it wants to see nothing besides what is always told."""
    return Observers(plan) if any(map(_looks, plan.seen)) else None


def _looks(observing: Observing) -> bool:
    traced = observing.tracing is not None and bool(observing.tracing.add)
    return observing.logging != Logging() or bool(observing.labels) or traced


def _compiled(said: Fields) -> tuple[Field, ...]:
    return tuple(Field(name, text) for name, text in said)


def _rows(fields: Sequence[Field], scene: Scene, secrets: Sequence[str]) -> tuple[tuple[str, object], ...]:
    return tuple(row for field in fields for row in field.rows(scene, secrets))


def _come_to(value: Value, scene: Scene) -> object:
    """Return what an expression comes to, as a value of JSON; NOT_JSON if it fails."""
    try:
        return json_value(value.value(scene))
    except LookupError:
        return NOT_JSON


def _label(value: Value | None, scene: Scene, secrets: Sequence[str]) -> str:
    found = NOT_JSON if value is None else within(_come_to(value, scene), secrets)
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)[:MAX_LABEL_CHARS] or UNKNOWN if isinstance(found, str | int | float) else UNKNOWN
