"""The bytes of a request to a provider. What does not depend on the request is rendered once per plan."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from sluice.chat.request import ChatRequest, Framing
from sluice.config.plan import AiBackend, Plan, Target
from sluice.config.targets import model_for
from sluice.dialects.dialect import Dialect
from sluice.errors import ModelNotFound
from sluice.gateway.outbound_keys import TargetKeys
from sluice.gateway.plain_http import host_header
from sluice.gateway.ports import Request, Signer
from sluice.gateway.shaper import with_host
from sluice.gateway.shaping import Shape
from sluice.policies import headers as header_policy
from sluice.policies.ai import AiPolicy, aliased
from sluice.policies.health import TargetHealth
from sluice.policies.location import IN_QUERIES, without
from sluice.providers.credential import CloudAuth
from sluice.providers.provider import Served, below, filled, path_of, served
from sluice.wire import http1
from sluice.wire.http1 import Header

MAX_WAYS = 512
"""Ways to ask for a model that a target remembers: clients choose models, and there may be any number of them."""

_DESCRIBES_BODY = (b"content-type", b"content-encoding")
_JSON: Header = (b"content-type", b"application/json")


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A request to a provider, before it is signed."""

    method: str
    path: str
    """With its query."""
    host: str
    headers: bytes
    """Rendered, the length of the body not among them."""
    body: bytes
    rest: tuple[bytes, ...] = ()
    """Bodies of further requests like this one, where a provider takes less at a time than a client sends."""

    def each(self) -> list["Draft"]:
        """Return the requests, one by one."""
        if not self.rest:
            return [self]
        return [msgspec.structs.replace(self, body=body, rest=()) for body in (self.body, *self.rest)]

    async def signed(self, signer: Signer, auth: CloudAuth) -> list[Header]:
        """Return the headers that sign this request.

        Raises:
            Unreachable: see `Signer`.
        """
        return await signer.sign(
            auth, method=self.method, url_host=self.host, path_and_query=self.path, headers=(), body=self.body
        )

    def render(self, signature: Sequence[Header] = ()) -> bytes:
        """Return the bytes to send; `signature` are headers that depend on the rest."""
        headers = self.headers + http1.fields(signature) if signature else self.headers
        line = f"{self.method} {self.path} HTTP/1.1\r\n".encode("latin-1")
        if not self.body and self.method != "POST":
            return b"%b%b\r\n" % (line, headers)
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (line, headers, len(self.body), self.body)


def asked_for(target: Target, policy: AiPolicy, model: str) -> str:
    """Return the model that a target is asked for, given the name of it in a chat request that is shaped."""
    named = aliased(policy, model)
    forced = any(member == "model" for member, _ in policy.overrides)  # "always" is what the operator said
    return named if forced else model_for(target, named)


class Way(msgspec.Struct, frozen=True):
    """How a target is asked for a model by the clients of one dialect: found once, and remembered."""

    model: str
    """The provider's name of it."""
    row: Served
    provider: Dialect
    same: bool
    """The provider speaks the client's own dialect."""
    path: str
    headers: bytes


class OwnAnswer(msgspec.Struct, frozen=True, gc=False):
    """A JSON body that Sluice answers with: the provider need not be asked."""

    body: bytes


class Outbound:
    """How to ask one target: fixed headers and paths, ready."""

    __slots__ = (
        "_base_path",
        "_fixed",
        "_host",
        "_keyless",
        "_keys",
        "_query",
        "_rows",
        "_ways",
        "health",
        "label",
        "secrets",
        "target",
        "unhealthy",
    )

    def __init__(self, target: Target, health: TargetHealth) -> None:
        provider = target.provider
        self.target = target
        self.health = health
        self.unhealthy = target.health.unhealthy
        self.label = target.endpoint.label
        self._rows = target.serves or provider.serves
        base_path = provider.base_path if target.base_path is None else target.base_path
        self._base_path = filled(base_path, target.variables)
        self._query = filled(provider.query, target.variables)
        self._keys = TargetKeys(target)
        self._ways: dict[tuple[str, int, str, bool, Framing], Way] = {}
        self._host = host_header(target.endpoint)
        self.secrets = self._keys.secrets
        fixed: list[Header] = [(b"host", self._host.encode("latin-1")), (b"accept-encoding", b"identity")]
        fixed += _encoded(provider.headers)
        self._keyless = http1.fields(fixed)
        self._fixed = self._keyless + http1.fields(self._keys.headers(None))

    def way(self, client: Dialect, policy: AiPolicy, chat: ChatRequest, dialect: Callable[[str], Dialect]) -> Way:
        """Find how to put a chat request to this target: in the client's own dialect if the target speaks it.

        Raises:
            ModelNotFound: the target does not serve the model at all.
            BadRequest: the address holds the model, and there is none or it cannot stand there.
        """
        key = (client.module_id, id(policy), chat.model, chat.stream, chat.framing)
        way = self._ways.get(key)
        if way is None:
            way = self._way(client, asked_for(self.target, policy, chat.model), chat, dialect)
            if len(self._ways) < MAX_WAYS:
                self._ways[key] = way
        return way

    def _way(self, client: Dialect, model: str, chat: ChatRequest, dialect: Callable[[str], Dialect]) -> Way:
        target = self.target
        row = self.row(client.module_id, model)
        provider = dialect(row.dialect)
        same = provider is client
        path = target.chat_path
        if not path:
            path = path_of(row, model, stream=chat.stream, variables=target.variables, base=self._base_path)
            if same and chat.framing == "json_array":
                path = path.removesuffix("?alt=sse")
            path = joined(path, self._query)
        own = {name for name, _ in target.provider.headers}
        headers = [_JSON, *_encoded(field for field in provider.facts.headers if field[0] not in own)]
        keyed = self._keyless + http1.fields(self._keys.headers(row))
        return Way(model, row, provider, same, joined(path, self._keys.query), keyed + http1.fields(headers))

    def row(self, client: str, model: str) -> Served:
        """Choose how to ask for a model.

        Raises:
            ModelNotFound: the target does not serve it at all.
        """
        row = served(self._rows, client, model)
        if row is None:
            raise ModelNotFound(f"The provider does not serve the model '{model}'.", param="model")
        return row

    def chat(self, request: Request, way: Way, body: bytes, traceparent: bytes, shape: Shape | None = None) -> Draft:
        """Draft a chat request around its body. `shape`: who has a say in its headers."""
        path = way.path
        if request.query and way.same and (query := _crossing(request.query, way.provider.facts.query)):
            path = joined(path, query)
        path = joined(path, self._keys.passed_on_query(request))
        variable = self._variable(request, traceparent, way.same, way.row)
        return self._draft("POST", path, way.headers, variable, body, shape)

    def operation(
        self,
        request: Request,
        template: str,
        body: bytes,
        traceparent: bytes,
        shape: Shape | None = None,
        *,
        model: str,
        same_api: bool = True,
    ) -> Draft:
        """Draft a request of an operation that has a path of its own at this provider (`Provider.paths`).

        Raises:
            BadRequest: the path needs a model and there is none.
        """
        path = below(self._base_path, template, {**self.target.variables, "model": model})
        return self._other(request, path, body, traceparent, shape, same_api=same_api)

    def other(
        self,
        request: Request,
        suffix: str,
        body: bytes,
        traceparent: bytes,
        shape: Shape | None = None,
        *,
        query: str = "",
    ) -> Draft:
        """Draft a request of another operation, at `suffix` below the target's base path. Of the client's query the
        credentials stay behind."""
        _, query = without(IN_QUERIES, (), query)
        return self._other(request, joined(f"{self._base_path}{suffix}", query), body, traceparent, shape)

    def _other(
        self,
        request: Request,
        path: str,
        body: bytes,
        traceparent: bytes,
        shape: Shape | None,
        *,
        same_api: bool = True,
    ) -> Draft:
        for query in (self._query, self._keys.query, self._keys.passed_on_query(request)):
            path = joined(path, query)
        described = [field for field in request.headers if field[0] in _DESCRIBES_BODY] if same_api else [_JSON]
        variable = self._variable(request, traceparent, same_api)
        return self._draft(request.method, path, self._fixed + http1.fields(described), variable, body, shape)

    def _draft(
        self, method: str, path: str, fixed: bytes, variable: list[Header], body: bytes, shape: Shape | None
    ) -> Draft:
        """Put the head together: what is the same for every request, and what is not."""
        host = self._host
        if shape is not None:
            variable = shape.to_provider(variable, fixed)
            host = shape.provider_host(host)
            fixed = fixed if host == self._host else with_host(fixed, host)
        return Draft(method, path, host, fixed + http1.fields(variable), body)

    def _variable(
        self, request: Request, traceparent: bytes, same_api: bool, row: Served | None = None
    ) -> list[Header]:
        crossing = header_policy.to_provider(request.headers, same_api=same_api)
        if request.added:
            said = {name for name, _ in request.added}
            crossing = [field for field in crossing if field[0] not in said]
        crossing.append((b"traceparent", traceparent))
        crossing += request.trail
        return crossing + self._keys.passed_on(request, row)


Groups = Sequence[Sequence[Outbound]]
"""The targets of a backend, in groups of falling priority. None is empty."""


def _encoded(headers: Iterable[tuple[str, str]]) -> list[Header]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _crossing(query: str, allowed: frozenset[str]) -> str:
    """What of a client's query a provider may see: keys are among what it may not."""
    return "&".join(part for part in query.split("&") if part in allowed)


def joined(path: str, query: str) -> str:
    """A path that may have a query, and more of it."""
    return path if not query else f"{path}{'&' if '?' in path else '?'}{query}"


def outbounds(plan: Plan, health_of: Callable[[Target], TargetHealth]) -> dict[tuple[int, str], Outbound]:
    """Render every target of a plan, by the target's identity (a plan outlives its use) and the operation; empty =
    every operation that is not asked for at a host of its own."""
    rendered = {}
    for target in (target for backend in backends(plan) for group in backend.groups for target in group):
        rendered[id(target), ""] = Outbound(target, health_of(target))
        for operation, endpoint in target.endpoints.items():
            elsewhere = msgspec.structs.replace(target, endpoint=endpoint)
            rendered[id(target), operation] = Outbound(elsewhere, health_of(elsewhere))
    return rendered


def backends(plan: Plan) -> Iterable[AiBackend]:
    """Every backend of a plan that speaks a dialect, perhaps more than once."""
    for listener in plan.listeners:
        for entry in listener.entries:
            found = [weighted.backend for weighted in entry.rule.backends]
            found += [mirror.backend for mirror in entry.rule.mirrors]
            yield from (backend for backend in found if isinstance(backend, AiBackend))
    for route in plan.models:
        if route.backend is not None:
            yield route.backend
        for alternative in route.alternatives:
            yield alternative.backend
