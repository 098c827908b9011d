"""Who is asked for what, by the plan: routes, models, and where a request of the page's form may go.

Pure. Holds names and addresses, no credential, no value of a header.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from sluice.config.plan import AiBackend, Endpoint, Entry, HttpBackend, Listener, ModelRoute, Plan, Tls

MAX_ROWS = 200
"""Of each list; the whole plan is in `/config_dump`."""
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a process listens on, and how it reaches itself


class RouteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One match of one rule."""

    listener: str
    port: int
    tls: bool
    host: str
    """Empty = any."""
    match: str
    """`PathPrefix /openai`, and what else has to hold, in words."""
    path: str
    """Of a request that matches; empty = an expression says which."""
    route: str
    rule: str
    answer: str
    backends: list[tuple[str, int]]
    """Name and weight."""
    policies: list[tuple[str, str]]
    """Kind, and the object that says so."""


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the unified addresses."""

    pattern: str
    backends: list[tuple[str, int]]
    public: bool


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """A port of ours, as this process reaches it."""

    port: int
    address: str
    tls: bool
    host: str
    """A host name that is answered there."""

    def endpoint(self, host: str) -> Endpoint:
        """Where to connect to. The certificate is our own: there is nothing to verify on the way to ourselves."""
        tls = Tls(server_name=host, verify=False) if self.tls else None
        return Endpoint(host=self.address, port=self.port, tls=tls)


class PlanMap(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    routes: list[RouteRow]
    models: list[ModelRow]
    fronts: list[Front]


def plan_map(plan: Plan, places: Mapping[int, Sequence[str]]) -> PlanMap:
    """Return the map of a plan; `places`: the addresses that each port listens on."""
    routes = [_route(listener, entry) for listener in plan.listeners for entry in listener.entries]
    return PlanMap(
        routes=routes[:MAX_ROWS],
        models=[_model(route) for route in plan.models[:MAX_ROWS]],
        fronts=list(_fronts(plan, places)),
    )


def _route(listener: Listener, entry: Entry) -> RouteRow:
    match = entry.match
    words = [f"{match.path.kind} {match.path.value}"]
    words += [match.method] if match.method else []
    words += [f"header {header.name}" for header in match.headers]
    words += [f"query {query.name}" for query in match.query]
    backends = [(each.backend.name if each.backend else "unresolved", each.weight) for each in entry.rule.backends]
    return RouteRow(
        listener=listener.name,
        port=listener.port,
        tls=listener.tls is not None,
        host=entry.hostname or listener.hostname,
        match=", ".join(words),
        path="" if match.path.kind == "RegularExpression" else match.path.value,
        route=entry.route,
        rule=entry.rule.name,
        answer=entry.answer,
        backends=backends,
        policies=list(dict.fromkeys((*listener.sources, *entry.rule.sources))),
    )


def _model(route: ModelRoute) -> ModelRow:
    backends: list[tuple[AiBackend | HttpBackend, int]] = []
    if route.backend is not None:
        backends.append((route.backend, 1))
    backends += [(each.backend, each.weight) for each in route.alternatives]
    return ModelRow(
        pattern=route.pattern, backends=[(each.name, weight) for each, weight in backends], public=route.public
    )


def _fronts(plan: Plan, places: Mapping[int, Sequence[str]]) -> Iterator[Front]:
    for port in dict.fromkeys(listener.port for listener in plan.listeners):
        hosts = places.get(port) or ("127.0.0.1",)
        first = next(listener for listener in plan.listeners if listener.port == port)
        yield Front(
            port=port,
            address=_ANY.get(hosts[0], hosts[0]),
            tls=first.tls is not None,
            host=first.hostname.replace("*.", "any.") or "localhost",
        )
