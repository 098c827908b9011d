"""External authorization of manifests and of the short form, to that of the policies.

PURE. A service that cannot be found is one that fails every request that is asked about (or lets it pass, if that is
what its failure means). Obeys: compat-agentgateway 1.7 and 2.5; agentgateway, schema/config.json (read 2026-11-21).
"""

from collections.abc import Callable, Iterable

from sluice.config.access_api import DecisionCache, ExternalService, ExternalSettings, HttpService
from sluice.config.access_cover import uncovered
from sluice.config.conditions import Placing, check_condition
from sluice.config.faults import Faults, Path
from sluice.config.guard_api import ServiceTarget
from sluice.config.plan import Endpoint
from sluice.config.references import Unresolved
from sluice.config.service_url import server_of, service_at
from sluice.config.units import duration
from sluice.policies.external_auth import Cache, ExternalAuth
from sluice.policies.header_change import check_name
from sluice.policies.scene import ANSWERED, ASKED
from sluice.policies.server import Server
from sluice.policies.value import Value

Where = Callable[[ServiceTarget, str], Endpoint]
"""Finds what a reference leads to that stands in an object of this namespace. Raises Unresolved."""


class ExternalReader:
    """Reads what one object says; `path` leads to it from where `place` begins. `where`: None = there are no
    references; else they are of an object of `namespace`."""

    def __init__(
        self,
        place: Placing,
        path: Path,
        faults: Faults,
        notes: list[str],
        where: Where | None = None,
        namespace: str = "",
    ) -> None:
        self._place, self._path, self._faults, self._notes = place, path, faults, notes
        self._where, self._namespace = where, namespace

    def read(self, spec: ExternalSettings) -> tuple[ExternalAuth, ...]:
        """Return the services, in the order in which their conditions are looked at."""
        if not spec.conditional:
            return (self._service(spec, "", self._path),)
        found = []
        for index, item in enumerate(spec.conditional):
            path: Path = (*self._path, "conditional", index)
            condition = item.condition or ""
            check_condition(condition, self._place(*path, "condition"), self._faults)
            found.append(self._service(item.policy, condition, (*path, "policy")))
        return tuple(found)

    def _service(self, spec: ExternalService, condition: str, path: Path) -> ExternalAuth:
        http = spec.http or HttpService()
        way: Path = (*path, "http")
        self.check_names(http.allowed_response_headers, (*way, "allowedResponseHeaders"), answers=False)
        self.check_names(http.allowed_client_headers, (*way, "allowedClientHeaders"), answers=True)
        self.check_names(http.add_request_headers, (*way, "addRequestHeaders"), answers=False)
        for name, text in {"path": http.path, "body": http.body, "redirect": http.redirect}.items():
            self.check(text, (*way, name))
        for name, text in http.add_request_headers.items():
            self.check(text, (*way, "addRequestHeaders", name))
        for name, text in http.response_metadata.items():
            self.check(text, (*way, "responseMetadata", name), answers=True)
        usual = ExternalAuth(server=None)
        service = ExternalAuth(
            server=self._server(spec, path),
            condition=condition,
            timeout_s=usual.timeout_s if spec.timeout is None else float(spec.timeout),
            path=http.path or "",
            body=http.body or "",
            body_bytes=0 if spec.forward_body is None else int(spec.forward_body.max_size),
            partial_body=spec.forward_body is not None and spec.forward_body.allow_partial_message,
            redirect=http.redirect or "",
            request_headers=lower(http.allowed_request_headers) or usual.request_headers,
            add_headers=tuple((name.lower(), text) for name, text in http.add_request_headers.items()),
            to_provider=lower(http.allowed_response_headers),
            to_client=lower(http.allowed_client_headers),
            metadata=tuple(http.response_metadata.items()),
            fails_open=spec.failure_mode == "FailOpen",
            cache=None if spec.cache is None else self.cache(spec.cache, (*path, "cache")),
        )
        self.note_cover(service, spec.cache, (*path, "cache", "key"))
        return service

    def note_cover(self, service: ExternalAuth, cache: DecisionCache | None, path: Path) -> None:
        """Add a note if requests share decisions that the service would be told apart."""
        if cache is not None and (missing := uncovered(service, cache)):
            place = self._place(*path)
            self._notes.append(
                f"{place.path}: the service is told {', '.join(f'`{each}`' for each in missing)}, and the key of its "
                "cached decisions is not: requests that differ in that alone share one decision."
            )

    def _server(self, spec: ExternalService, path: Path) -> Server | None:
        if spec.url is not None:
            return self.at(spec.url, (*path, "url"))
        assert spec.backend_ref is not None
        assert self._where is not None
        try:
            return server_of(self._where(spec.backend_ref, self._namespace))
        except Unresolved as error:
            self._notes.append(f"External authorization cannot be asked: {error}.")
            return None

    def at(self, url: str, path: Path) -> Server | None:
        """Return the server behind a URL, which has no path: what is asked for there is the request's or an
        expression's."""
        try:
            server, target = service_at(url)
        except ValueError as error:
            self._faults.add(self._place(*path), str(error))
            return None
        if target != "/":
            text = "the URL of an external authorization has no path and no query"
            self._faults.add(self._place(*path), text, "`http.path` says what is asked for there")
        return server

    def cache(self, spec: DecisionCache, path: Path) -> Cache:
        """Return how long decisions hold."""
        for index, text in enumerate(spec.key):
            self.check(text, (*path, "key", index))
        try:
            return Cache(key=spec.key, ttl_s=float(duration(spec.ttl)), max_entries=spec.max_entries)
        except ValueError:
            self.check(spec.ttl, (*path, "ttl"))
        return Cache(key=spec.key, ttl=spec.ttl, max_entries=spec.max_entries)

    def check(self, text: str | None, path: Path, *, answers: bool = False) -> None:
        """Add a fault if an expression cannot be evaluated. `answers`: it is about the service's answer."""
        try:
            if text:
                Value(text, sees=ANSWERED if answers else ASKED)
        except ValueError as error:
            self._faults.add(self._place(*path), str(error))

    def check_names(self, names: Iterable[str], path: Path, *, answers: bool) -> None:
        """Add a fault for each header that nobody may set."""
        for name in names:
            try:
                check_name(name, "response" if answers else "request")
            except ValueError as error:
                self._faults.add(self._place(*path), str(error))


def lower(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of headers in lower case."""
    return tuple(name.lower() for name in names)
