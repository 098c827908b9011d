"""Which entry answers a request: the order of precedence, and the walk along it.

PURE, and on the way of every request: cost is one pass over the entries of a port, some 0.1 microseconds each.
Obeys: Gateway API 1.4, HTTPRouteRule ("precedence") and Listener.hostname; regular expressions rank below prefixes
(implementation specific).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl

import msgspec

from sluice.config.pattern import compile_pattern, matches
from sluice.config.plan import AiBackend, Entry, Listener, ModelRoute, Plan, ValueMatch
from sluice.policies.balance import pick

_PATH_RANK = {"Exact": 0, "PathPrefix": 1, "RegularExpression": 2}

_EXACT = 1 << 30
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Precedence = tuple[bool, int, int, int, bool, int, int]


def precedence(entry: Entry) -> Precedence:
    """Return the sort key of an entry, the smallest wins: hostname, path, method, number of headers, number of query
    parameters.

    Entries that are equal stand in the order of their routes (older, then alphabetical) and rules: that is the
    compiler's to keep.
    """
    host, match = entry.hostname, entry.match
    path = match.path
    length = len(path.value.rstrip("/")) if path.kind == "PathPrefix" else len(path.value)
    host_rank = host.startswith("*") or not host
    return (
        host_rank,
        -len(host),
        _PATH_RANK[path.kind],
        -length,
        not match.method,
        -len(match.headers),
        -len(match.query),
    )


def host_matches(pattern: str, host: str) -> bool:
    """Return whether a host (lower case, no port) is meant by a hostname: empty = any; `*.` stands for one or more
    labels.
    """
    if not pattern:
        return True
    return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1 if pattern.startswith("*.") else host == pattern


def bare_host(host: str) -> str:
    """Return a Host header without its port, in lower case."""
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".")


class _Step(msgspec.Struct, frozen=True, gc=False):
    """An entry made ready to be compared."""

    entry: Entry
    hostname: str
    exact: str
    prefix: str
    """Without its final slash; the empty prefix is `/`."""
    below: str
    """`prefix` and a slash: what a longer path begins with."""
    pattern: re.Pattern[str] | None
    method: str
    values: "_Values | None"


class _Values(msgspec.Struct, frozen=True, gc=False):
    """Conditions on headers and query: name, wanted text, pattern."""

    headers: tuple[tuple[str, str, re.Pattern[str] | None], ...]
    query: tuple[tuple[str, str, re.Pattern[str] | None], ...]

    def hold(self, headers: Mapping[str, str], query: str) -> bool:
        for name, wanted, pattern in self.headers:
            value = headers.get(name)
            if value is None or (value != wanted if pattern is None else not matches(pattern, value)):
                return False
        if not self.query:
            return True
        given = _query(query)
        for name, wanted, pattern in self.query:
            value = given.get(name)
            if value is None or (value != wanted if pattern is None else not matches(pattern, value)):
                return False
        return True


class Router:
    """The entries of one listener. Built once, then only asked.

    Raises:
        ValueError: a regular expression is not allowed. `load` has said so before, with its place.
    """

    __slots__ = ("_by_host", "_steps", "listener")

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._steps = tuple(_step(entry) for entry in sorted(listener.entries, key=precedence))
        self._by_host = any(step.hostname for step in self._steps)

    def find(self, host: str, method: str, path: str, headers: Mapping[str, str], query: str = "") -> Entry | None:
        """Return the entry that answers, or None.

        `host` is the Host header as sent, `path` has no query, names in `headers` are lower case, `query` is without
        its `?`.
        """
        name = bare_host(host) if self._by_host else ""
        for step in self._steps:
            if step.exact:
                if path != step.exact:
                    continue
            elif step.pattern is not None:
                if not matches(step.pattern, path):
                    continue
            elif path != step.prefix and not path.startswith(step.below):
                continue
            if step.method and method != step.method:
                continue
            if step.hostname and not host_matches(step.hostname, name):
                continue
            if step.values is None or step.values.hold(headers, query):
                return step.entry
        return None


class PortRouter:
    """All listeners of one port. A port is bound once; this tells them apart.

    Within a Gateway a request belongs to the listener with the most specific hostname and to no other. Gateways that
    share the port (elsewhere they would have addresses of their own) are asked one by one, and the entry of the
    highest precedence wins, the earlier Gateway's among equals.
    """

    __slots__ = ("_gateways",)

    def __init__(self, listeners: Iterable[Listener]) -> None:
        gateways: dict[str, list[Router]] = {}
        for listener in listeners:
            gateways.setdefault(listener.gateway, []).append(Router(listener))
        for routers in gateways.values():
            routers.sort(key=lambda router: _host_rank(router.listener.hostname))
        self._gateways = tuple(tuple(routers) for routers in gateways.values())

    def find(
        self, host: str, method: str, path: str, headers: Mapping[str, str], query: str = ""
    ) -> tuple[Listener, Entry] | None:
        """Return the listener and the entry that answer, or None. Arguments as for `Router.find`."""
        best: tuple[Listener, Entry] | None = None
        for routers in self._gateways:
            router = _pick(routers, host)
            entry = router.find(host, method, path, headers, query) if router is not None else None
            if router is None or entry is None:
                continue
            if len(self._gateways) == 1:
                return router.listener, entry
            if best is None or precedence(entry) < precedence(best[1]):
                best = router.listener, entry
        return best

    def listener(self, host: str) -> Listener | None:
        """Return the listener that a host belongs to, for the labels of a request that no entry answers, and for the
        certificate of a TLS name.
        """
        for routers in self._gateways:
            router = _pick(routers, host)
            if router is not None:
                return router.listener
        return None


def model_route(plan: Plan, model: str, headers: Mapping[str, str] = NO_HEADERS) -> ModelRoute | None:
    """Return who answers for a model: the exact name first, then the longest pattern with a `*` at its beginning or
    end; of one name first what says which headers it is for. `headers`: names in lower case.
    """
    return best_route(plan.models, model, headers)


def best_route(routes: Iterable[ModelRoute], model: str, headers: Mapping[str, str] = NO_HEADERS) -> ModelRoute | None:
    """Return the route that fits a model best, as `model_route`."""
    best: ModelRoute | None = None
    best_rank = (0, False)
    for route in routes:
        rank = (_likeness(route.pattern, model), bool(route.matches))
        if rank[0] and rank > best_rank and (not route.matches or _any_fits(route.matches, headers)):
            best, best_rank = route, rank
    return best


def _likeness(pattern: str, model: str) -> int:
    """How exactly a pattern names a model; 0 = it does not."""
    if pattern == model:
        return _EXACT
    if (pattern.endswith("*") and model.startswith(pattern[:-1])) or (
        pattern.startswith("*") and model.endswith(pattern[1:])
    ):
        return len(pattern)
    return 0


def _any_fits(sets: Iterable[tuple[ValueMatch, ...]], headers: Mapping[str, str]) -> bool:
    return any(all(_fits(each, headers.get(each.name)) for each in one) for one in sets)


def _fits(wanted: ValueMatch, value: str | None) -> bool:
    if value is None:
        return False
    return matches(_pattern(wanted.value), value) if wanted.regex else value == wanted.value


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return compile_pattern(text)


def choose(route: ModelRoute, die: float, holds: Callable[[str], bool]) -> AiBackend | None:
    """Return the backend that answers for a model, None if no alternative takes the request.

    `die` is in [0, 1); `holds` says whether a condition, never an empty one, is true of the request. Alternatives
    with conditions are asked in their order, the first that holds answers; without any, the die chooses by weight.
    """
    if not route.alternatives:
        return route.backend
    if any(alternative.when for alternative in route.alternatives):
        found = (item.backend for item in route.alternatives if not item.when or holds(item.when))
        return next(found, None)
    index = pick([alternative.weight for alternative in route.alternatives], die)
    return None if index is None else route.alternatives[index].backend


def _host_rank(hostname: str) -> tuple[bool, int]:
    return hostname.startswith("*") or not hostname, -len(hostname)


def _pick(routers: tuple[Router, ...], host: str) -> Router | None:
    if len(routers) == 1 and not routers[0].listener.hostname:
        return routers[0]
    name = bare_host(host)
    return next((router for router in routers if host_matches(router.listener.hostname, name)), None)


def _step(entry: Entry) -> _Step:
    match, path = entry.match, entry.match.path
    prefix = path.value.rstrip("/") if path.kind == "PathPrefix" else ""
    values = _Values(_wanted(match.headers), _wanted(match.query)) if match.headers or match.query else None
    return _Step(
        entry=entry,
        hostname=entry.hostname,
        exact=path.value if path.kind == "Exact" else "",
        prefix=prefix,
        below=f"{prefix}/",
        pattern=compile_pattern(path.value) if path.kind == "RegularExpression" else None,
        method=match.method,
        values=values,
    )


def _wanted(values: tuple[ValueMatch, ...]) -> tuple[tuple[str, str, re.Pattern[str] | None], ...]:
    return tuple((v.name, v.value, compile_pattern(v.value) if v.regex else None) for v in values)


def _query(query: str) -> dict[str, str]:
    """Parameters by name; the first of several values counts (Gateway API leaves it open)."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query[:8192], keep_blank_values=True):
        given.setdefault(name, value)
    return given
