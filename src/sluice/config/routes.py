"""HTTPRoutes to entries: their rules, matches and backends.

PURE. A backendRef that does not resolve is no load error (Gateway API): its share of the requests fails, and
`ResolvedRefs` says why.
"""

from functools import partial

import msgspec

from sluice.config.access_api import AccessSettings
from sluice.config.attach import Parent
from sluice.config.backend_policy_api import AGENTGATEWAY
from sluice.config.backends import Backends, service_endpoint
from sluice.config.core_api import Service
from sluice.config.faults import Faults, Path
from sluice.config.filter_api import ExtensionReference, FilterReference
from sluice.config.filter_policy import asking, backend_filtered, filtered, mirrors
from sluice.config.gateway_api import GATEWAY, BackendReference, HttpRoute, MatchSpec, RuleSpec
from sluice.config.layers import Said
from sluice.config.objects import Objects, Resource
from sluice.config.pattern import compile_pattern
from sluice.config.plan import (
    AiBackend,
    Backend,
    Entry,
    HttpBackend,
    Match,
    PathMatch,
    Rule,
    ValueMatch,
    WeightedBackend,
)
from sluice.config.policy import Extension, Policies, age
from sluice.config.policy_parts import GROUPS
from sluice.config.references import Grants, Unresolved
from sluice.config.rule_policies import Own, RulePolicies, Where
from sluice.config.status import Condition, ObjectStatus
from sluice.config.traffic_api import RetrySettings, Timeouts, TrafficSettings
from sluice.policies.mirroring import Mirror
from sluice.wire.target import spelt


class Routes:
    """Turns routes into entries of the listeners that took them."""

    def __init__(
        self,
        objects: Objects,
        backends: Backends,
        policies: Policies,
        holding: RulePolicies,
        grants: Grants,
        faults: Faults,
    ) -> None:
        self._objects, self._backends = objects, backends
        self._policies, self._holding = policies, holding
        self._grants, self._faults = grants, faults
        self.statuses: list[ObjectStatus] = []

    def add(self, route: Resource[HttpRoute], parents: list[Parent]) -> None:
        """Add the entries of a route to its listeners and its conditions to `statuses`."""
        trouble: Unresolved | None = None
        for index, spec in enumerate(route.body.spec.rules):
            rule, problem = self._rule(route, index, spec)
            try:
                own = self._own(route, index, spec)
            except Unresolved as error:
                own, problem, rule = Own(), error, _failing(rule, str(error))
            trouble = trouble or problem
            matches = self._matches(route, index, spec)
            for parent in parents:
                for slot, hostnames in ((item.slot, item.hostnames) for item in parent.attachments):
                    where = Where(
                        gateway=slot.gateway, listener=slot.spec.name, route=route.label, section=spec.name or ""
                    )
                    ruled = self._holding.ruled(rule, where, own)
                    self._check_plain(route, index, ruled, where, own)
                    for hostname in hostnames:
                        slot.entries += [
                            (age(route), Entry(hostname=hostname, match=match, route=route.label, rule=ruled))
                            for match in matches
                        ]
        self.statuses.append(_status(route, parents, trouble))

    def _rule(self, route: Resource[HttpRoute], index: int, spec: RuleSpec) -> tuple[Rule, Unresolved | None]:
        """Return a rule without its policies."""
        backends, trouble = self._resolve(route, index, spec)
        mirrored, problem = self._mirrors(route, spec)
        rule = Rule(
            name=spec.name or str(index),
            backends=backends,
            mirrors=mirrored,
            streams=self._streams(route, spec),
        )
        return rule, trouble or problem

    def _streams(self, route: Resource[HttpRoute], spec: RuleSpec) -> bool:
        refs = [item.extension_ref for item in reversed(spec.filters) if item.extension_ref is not None]
        found = (self._policies.extension(ref.kind, f"{route.namespace}/{ref.name}") for ref in refs)
        words = [one.streams for one in found if one is not None and one.streams is not None]
        return words[0] == "CHAT_STREAMING" if words else self._policies.streams(route.label, spec.name or "")

    def _own(self, route: Resource[HttpRoute], index: int, spec: RuleSpec) -> Own:
        """Return what a rule itself says.

        Raises:
            Unresolved: a filter refers to nothing.
        """
        shaping = filtered(
            spec.filters,
            partial(route.place, "spec", "rules", index, "filters"),
            self._faults,
            prefixes=all(match.path.type == "PathPrefix" for match in spec.matches),
            forwards=bool(spec.backend_refs),
        )
        return Own(
            source=f"{route.kind} {route.label}",
            traffic=_own_traffic(spec),
            shaping=shaping,
            access=self._access(route, index, spec),
            extensions=tuple(self._extension(route, item.extension_ref) for item in spec.filters if item.extension_ref),
        )

    def _access(self, route: Resource[HttpRoute], index: int, spec: RuleSpec) -> Said[AccessSettings] | None:
        """Return who is asked whether a request may pass.

        Raises:
            Unresolved: the service may not be referred to from here.
        """
        for number, item in enumerate(spec.filters):
            if item.external_auth is not None:
                ref = item.external_auth.backend_ref
                namespace = ref.namespace or route.namespace
                self._grants.check((GATEWAY, "HTTPRoute", route.namespace), ref.group, ref.kind, namespace, ref.name)
                path: Path = ("spec", "rules", index, "filters", number, "externalAuth")
                return Said(asking(item.external_auth), route.document, path, namespace)
        return None

    def _extension(self, route: Resource[HttpRoute], ref: ExtensionReference) -> Extension:
        """Return the policy that a filter refers to.

        Raises:
            Unresolved: there is none, or it cannot hold on a rule.
        """
        found = self._policies.extension(ref.kind, f"{route.namespace}/{ref.name}")
        if found is None or GROUPS.get(ref.kind) != ref.group:
            text = f"{ref.kind} {route.namespace}/{ref.name} (group {ref.group}) not found"
            raise Unresolved("BackendNotFound", f"{text}: what a filter refers to has to be there")
        if found.traffic is not None and found.traffic.early:
            raise Unresolved("UnsupportedValue", f"{found.source} is looked at before a route is chosen")
        return found

    def _check_plain(self, route: Resource[HttpRoute], index: int, rule: Rule, where: Where, own: Own) -> None:
        """Add a fault for each policy that a rule cannot keep since it leads to plain HTTP."""
        plain = next((i for i, item in enumerate(rule.backends) if isinstance(item.backend, HttpBackend)), None)
        if plain is None:
            return
        place = route.place("spec", "rules", index, "backendRefs", plain)
        for what in self._holding.unread(where, own.extensions):
            text = f"{what} cannot hold here: this leads to plain HTTP, which crosses unread"
            self._faults.add(place, text, "attach the policy to rules that lead to AI backends")
        for mirror in rule.mirrors:
            if isinstance(mirror.backend, AiBackend):
                text = f"{mirror.backend.name} can get no copy: this leads to plain HTTP, which crosses unread"
                self._faults.add(place, text, "mirror to a Service, or to an AgentgatewayBackend with `static`")

    def _mirrors(
        self, route: Resource[HttpRoute], spec: RuleSpec
    ) -> tuple[tuple[Mirror[Backend], ...], Unresolved | None]:
        """Return who gets copies; one that cannot be found gets none (Gateway API)."""
        found, trouble = [], None
        for _, item in mirrors(spec.filters):
            try:
                backend = self._backend(route, item.backend_ref)
                if isinstance(backend, str):
                    raise Unresolved("BackendNotFound", backend)
                found.append(Mirror(backend=backend, share=item.share))
            except Unresolved as problem:
                trouble = trouble or problem
        return tuple(found), trouble

    def _resolve(
        self, route: Resource[HttpRoute], rule: int, spec: RuleSpec
    ) -> tuple[tuple[WeightedBackend, ...], Unresolved | None]:
        resolved, trouble = [], None
        for index, ref in enumerate(spec.backend_refs):
            place = partial(route.place, "spec", "rules", rule, "backendRefs", index, "filters")
            shaping = backend_filtered(ref.filters, place, self._faults)
            backend, error = None, ""
            try:
                found = self._backend(route, ref)
                backend, error = (None, found) if isinstance(found, str) else (found, "")
            except Unresolved as problem:
                trouble, error = trouble or problem, str(problem)
            resolved.append(WeightedBackend(weight=ref.weight, backend=backend, error=error, shaping=shaping))
        return tuple(resolved), trouble

    def _backend(self, route: Resource[HttpRoute], ref: BackendReference | FilterReference) -> Backend | str:
        """Return what a reference leads to, or the sentence why that object cannot be used."""
        namespace = ref.namespace or route.namespace
        if (ref.group, ref.kind) not in ((AGENTGATEWAY, "AgentgatewayBackend"), ("", "Service")):
            raise Unresolved("InvalidKind", f"a backend of kind {ref.kind} (group {ref.group or 'core'}) is not served")
        self._grants.check((GATEWAY, "HTTPRoute", route.namespace), ref.group, ref.kind, namespace, ref.name)
        if ref.kind == "Service":
            service = self._objects.get(Service, namespace, ref.name)
            if service is not None and ref.port is not None:
                return HttpBackend(name=service.label, endpoint=service_endpoint(service, ref.port))
        elif (backend := self._backends.get(f"{namespace}/{ref.name}")) is not None:
            return backend
        raise Unresolved("BackendNotFound", f"{ref.kind} {namespace}/{ref.name} not found")

    def _matches(self, route: Resource[HttpRoute], index: int, spec: RuleSpec) -> list[Match]:
        path: Path = ("spec", "rules", index, "matches")
        return [self._match(route, (*path, i), match) for i, match in enumerate(spec.matches or (MatchSpec(),))]

    def _match(self, route: Resource[HttpRoute], path: Path, spec: MatchSpec) -> Match:
        if spec.path.type == "RegularExpression":
            self._check(route, spec.path.value, *path, "path", "value")
        path_value = spec.path.value if spec.path.type == "RegularExpression" else spelt(spec.path.value)
        headers: dict[str, ValueMatch] = {}
        for i, header in enumerate(spec.headers):
            regex = header.type == "RegularExpression"
            if regex:
                self._check(route, header.value, *path, "headers", i, "value")
            # Of two entries with the same name only the first counts (Gateway API).
            headers.setdefault(
                header.name.lower(), ValueMatch(name=header.name.lower(), value=header.value, regex=regex)
            )
        query: dict[str, ValueMatch] = {}
        for i, item in enumerate(spec.query_params):
            regex = item.type == "RegularExpression"
            if regex:
                self._check(route, item.value, *path, "queryParams", i, "value")
            query.setdefault(item.name, ValueMatch(name=item.name, value=item.value, regex=regex))
        return Match(
            path=PathMatch(kind=spec.path.type, value=path_value),
            headers=tuple(headers.values()),
            query=tuple(query.values()),
            method=spec.method or "",
        )

    def _check(self, route: Resource[HttpRoute], pattern: str, *path: str | int) -> None:
        try:
            compile_pattern(pattern)
        except ValueError as error:
            self._faults.add(route.place(*path), str(error))


def _failing(rule: Rule, error: str) -> Rule:
    """Return a rule whose requests all get a 500: a filter that cannot be applied must not be skipped (Gateway API)."""
    backends = rule.backends or (WeightedBackend(weight=1, backend=None),)
    failing = (msgspec.structs.replace(item, backend=None, error=error) for item in backends)
    return msgspec.structs.replace(rule, backends=tuple(failing))


def _own_traffic(spec: RuleSpec) -> TrafficSettings:
    """Return what a rule itself says about its traffic: the strongest layer."""
    own = spec.retry
    retry = None if own is None else RetrySettings(attempts=own.attempts, backoff=own.backoff, codes=own.codes)
    timeouts = Timeouts(request=spec.timeouts.request, response_headers=spec.timeouts.backend_request)
    return TrafficSettings(timeouts=None if timeouts == Timeouts() else timeouts, retry=retry)


def _status(route: Resource[HttpRoute], parents: list[Parent], trouble: Unresolved | None) -> ObjectStatus:
    conditions = []
    for parent in parents:
        resolved = Condition(
            type="ResolvedRefs",
            status=trouble is None,
            reason=trouble.reason if trouble is not None else "ResolvedRefs",
            message=str(trouble) if trouble is not None else "",
            scope=parent.scope,
        )
        conditions += [parent.accepted, resolved]
    place = route.place("metadata", "name")
    return ObjectStatus(
        kind=route.kind, name=route.label, file=place.file, line=place.line, conditions=tuple(conditions)
    )
