"""A plan in use: what is derived from it once, so that no request has to."""

from collections.abc import Iterable

from sluice.config.plan import (
    AiBackend,
    Entry,
    HttpBackend,
    Listener,
    ModelRoute,
    Plan,
    Rule,
    Target,
    WeightedBackend,
)
from sluice.config.routing import NO_HEADERS, PortRouter, choose, model_route
from sluice.config.virtual import backends_of
from sluice.errors import ClientError, Internal, ModelNotFound, NoBackend, RouteNotFound, SluiceError
from sluice.gateway.breakers import Breakers
from sluice.gateway.content import compiled
from sluice.gateway.observing import observers_of
from sluice.gateway.outbound import Groups, backends, outbounds
from sluice.gateway.ports import Request
from sluice.gateway.sampling import tracers_of
from sluice.gateway.scene import scene_of
from sluice.gateway.shaper import NO_SHAPER, Shaper
from sluice.gateway.witness import wanted
from sluice.policies.access import OPEN
from sluice.policies.ai import AiPolicy, merged
from sluice.policies.balance import pick
from sluice.policies.condition import Condition
from sluice.policies.cost import Prices
from sluice.policies.guards import NO_GUARDS
from sluice.policies.limiting import NO_LIMITS
from sluice.policies.retry import Retry
from sluice.policies.shaping import NO_SHAPING, Shaping
from sluice.relay.guarding import guarding
from sluice.relay.record import UNKNOWN, Route
from sluice.wire.target import as_read

Place = tuple[Listener | None, Entry | None]
"""Where in the plan a request landed."""
_ONCE = Retry(attempts=0)
NO_POLICY = AiPolicy()
"""Of a plan in which no policy says anything."""


class ActivePlan:
    """One configuration at work. Immutable: an exchange keeps the one it began with, whatever is loaded meanwhile."""

    def __init__(self, plan: Plan, prices: Prices, breakers: Breakers) -> None:
        """`prices`: all that the plan names, as they were read with it."""
        self.plan = plan
        self.prices = prices
        self.max_whole_bytes = plan.limits.max_body_bytes
        ports = {listener.port for listener in plan.listeners}
        self._by_header = {
            listener.port for listener in plan.listeners for entry in listener.entries if entry.match.headers
        }
        """Ports where some match looks at headers: only there are they decoded for the router."""
        self._matched = any(route.matches for route in plan.models)
        """Some model looks at headers."""
        self._routers = {port: PortRouter(li for li in plan.listeners if li.port == port) for port in ports}
        self._outbounds = outbounds(plan, breakers.of)
        breakers.forget_others()
        self._groups: dict[tuple[int, str], Groups] = {}
        self._labels: dict[tuple[int, int, int], Route] = {}
        policies = list(_policies(plan))
        self._shaped = any(policy != NO_POLICY for policy in policies)
        """Some policy says something; most plans have none."""
        self.typed = any(policy.routes for policy in policies)
        """Some policy says what an address is."""
        self._policies: dict[tuple[int, int, int], AiPolicy] = {}
        entries = [entry for listener in plan.listeners for entry in listener.entries]
        guarded = any(p.guards != NO_GUARDS or p.transformations or p.final_transformations for p in policies)
        by_name = any(_says(backend) for route in plan.models for backend in backends_of(route))
        self._policed = {
            id(entry.rule)
            for entry in entries
            if guarded or _polices(entry.rule) or (by_name and entry.answer == "by_model")
        }
        for policy in policies:  # before the first request needs them: milliseconds for each pattern
            compiled(policy.guards.request)
            for streams in (False, True):
                guarding(policy.guards.response, streams=streams)
        early = [li.port for li in plan.listeners if li.access != OPEN or li.shaping != NO_SHAPING]
        self._early = frozenset(early)
        """Ports where some policy looks at requests before they are routed."""
        self._shapers: dict[int, Shaper] = {}
        whens = {alternative.when for route in plan.models for alternative in route.alternatives}
        whens |= {entry.rule.retry.precondition for entry in entries}
        self._conditions = {when: Condition(when) for when in whens if when}
        self.wants = wanted(_seen(plan))
        """What has to be kept of exchanges because a log or a label names it; mostly nothing."""
        self.wants_traced = self.wants | wanted(_traced(plan))
        """The same of those that have spans."""
        self.tracers = tracers_of(plan)
        """Who is traced; None = nobody."""
        self.observers = observers_of(plan)
        """What else is to be seen of exchanges; None = nothing."""

    def listener(self, request: Request) -> Listener | None:
        """The listener that a request belongs to by port and host."""
        router = self._routers.get(request.port)
        return router.listener(request.header(b"host") or "") if router else None

    def early(self, request: Request) -> Listener | None:
        """The listener whose policies look at a request before it is routed, if there are any."""
        if request.port not in self._early:
            return None
        listener = self.listener(request)
        said = listener is not None and (listener.access != OPEN or listener.shaping != NO_SHAPING)
        return listener if said else None

    def polices(self, rule: Rule) -> bool:
        """Whether some policy has a say in what becomes of the requests of a rule."""
        return id(rule) in self._policed

    def shaper(self, shaping: Shaping) -> Shaper:
        """What a part of the plan says of shaping, compiled once."""
        if shaping == NO_SHAPING:
            return NO_SHAPER
        shaper = self._shapers.get(id(shaping))
        if shaper is None:
            shaper = self._shapers[id(shaping)] = Shaper(shaping)
        return shaper

    def labels(
        self, listener: Listener | None, entry: Entry | None = None, backend: AiBackend | HttpBackend | None = None
    ) -> Route:
        """The record's words for a place in the plan, made once each. A plan's parts live as long as it does."""
        key = (id(listener), id(entry), id(backend))
        route = self._labels.get(key)
        if route is None:
            route = self._labels[key] = Route(
                bind=listener.bind if listener else UNKNOWN,
                gateway=listener.gateway if listener else UNKNOWN,
                listener=listener.name if listener else UNKNOWN,
                route=entry.route if entry else UNKNOWN,
                route_rule=entry.rule.name or UNKNOWN if entry else UNKNOWN,
                backend=backend.name if backend else UNKNOWN,
            )
        return route

    def route(self, request: Request) -> tuple[Listener, Entry]:
        """Find who answers.

        Raises:
            RouteNotFound: nobody.
            ClientError: the path can be read in two ways, and these have two rules.
        """
        router = self._routers.get(request.port)
        host = request.header(b"host") or ""
        headers: dict[str, str] = {}
        if request.port in self._by_header:
            headers = _texts(request)
        found = router.find(host, request.method, request.path, headers, request.query) if router else None
        if found is None:
            raise RouteNotFound(f"No route for {request.method} {request.path}.")
        if router is not None and (path := as_read(request.path)) != request.path:
            other = router.find(host, request.method, path, headers, request.query)
            if other is None or other[1].rule is not found[1].rule:
                raise ClientError("The path can be read in two ways: with `%2F` or `;` in it, and without.")
        return found

    def backend(self, entry: Entry, die: float) -> tuple[WeightedBackend, AiBackend | HttpBackend]:
        """Choose the backend of a matched rule; return the rule's reference to it, too.

        Raises:
            NoBackend: there is none with a weight.
            Internal: the chosen reference did not resolve (Gateway API asks for a 500).
        """
        backends = entry.rule.backends
        index = 0 if len(backends) == 1 and backends[0].weight else pick([b.weight for b in backends], die)
        if not backends or index is None:
            raise NoBackend("The route has no backend.")
        chosen = backends[index]
        backend = chosen.backend
        if backend is None:
            error: SluiceError = Internal("The route's backend is not available.")
            error.reason = NoBackend.reason
            raise error
        return chosen, backend

    def model(self, name: str, request: Request, die: float) -> AiBackend:
        """Choose the backend of a model on the unified addresses.

        Raises:
            ModelNotFound: nobody serves it, or no condition of a virtual model holds.
        """
        headers = _texts(request) if self._matched else NO_HEADERS
        route = model_route(self.plan, name or self.plan.default_model, headers)
        if route is None or not route.public:
            raise ModelNotFound("Model not found", param="model")
        if not route.alternatives and route.backend is not None:
            return route.backend
        scene = scene_of(request)
        backend = choose(route, die, lambda when: self._conditions[when].holds(scene))
        if backend is None:
            raise ModelNotFound(f"No target of the model '{name}' takes this request.", param="model")
        return backend

    def policy(self, rule: Rule, backend: AiBackend | None, target: Target) -> AiPolicy:
        """The AI policy that holds for a target on a route, made once."""
        if not self._shaped:
            return NO_POLICY
        key = (id(rule), id(backend), id(target))
        policy = self._policies.get(key)
        if policy is None:
            layers = (target.ai, rule.ai, backend.ai if backend else NO_POLICY, rule.gateway_ai)
            policy = self._policies[key] = merged(*layers)
        return policy

    def public_models(self) -> list[tuple[str, str]]:
        """The models that have a name of their own, and who serves them."""
        named = {m.pattern: _owner(m) for m in reversed(self.plan.models) if m.public and "*" not in m.pattern}
        return [(name, named[name]) for name in dict.fromkeys(m.pattern for m in self.plan.models) if name in named]

    def groups(self, backend: AiBackend, operation: str) -> Groups:
        """The targets of a backend, as they are asked for an operation, in groups of falling priority."""
        key = (id(backend), operation)
        groups = self._groups.get(key)
        if groups is None:
            found = self._outbounds
            groups = self._groups[key] = tuple(
                tuple(found[id(target), operation if operation in target.endpoints else ""] for target in group)
                for group in backend.groups
            )
        return groups

    def retry(self, rule: Rule, request: Request) -> Retry:
        """How often a request may be put to targets."""
        precondition = rule.retry.precondition
        if not precondition or self._conditions[precondition].holds(scene_of(request)):
            return rule.retry
        return _ONCE


def _seen(plan: Plan) -> Iterable[str]:
    """The expressions over exchanges that are over."""
    for said in plan.seen:
        yield from (said.logging.filter, *(text for _, text in (*said.logging.add, *said.labels)))


def _traced(plan: Plan) -> Iterable[str]:
    """The same over those that are traced."""
    for said in plan.seen:
        if said.tracing is not None:
            yield from (text for _, text in said.tracing.add)


def _texts(request: Request) -> dict[str, str]:
    """The headers of a request; of two with one name the first counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.headers)}


def _polices(rule: Rule) -> bool:
    own = rule.access != OPEN or rule.limits != NO_LIMITS or rule.shaping != NO_SHAPING
    own = own or bool(rule.budgets or rule.mirrors)
    return own or any(
        each.shaping != NO_SHAPING or (each.backend is not None and _says(each.backend)) for each in rule.backends
    )


def _says(backend: AiBackend | HttpBackend) -> bool:
    """Whether a backend has policies of its own that are looked at before it is asked."""
    if backend.access != OPEN or backend.shaping != NO_SHAPING:
        return True
    targets = [t for group in backend.groups for t in group] if isinstance(backend, AiBackend) else []
    return any(target.shaping != NO_SHAPING for target in targets)


def _policies(plan: Plan) -> Iterable[AiPolicy]:
    for listener in plan.listeners:
        for entry in listener.entries:
            yield from (entry.rule.ai, entry.rule.gateway_ai)
    for backend in backends(plan):
        yield backend.ai
        yield from (target.ai for group in backend.groups for target in group)


def _owner(route: ModelRoute) -> str:
    return route.backend.name if route.backend is not None else "virtual"
