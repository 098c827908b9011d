"""Which copies of a request go to mirrors, and how each is written.

    guards of the request ──┬── as asked, in the client's own form ──────────────────► plain HTTP
                            └── guards that only the mirror has ── written for it ───► a provider
                                    └── rejected, or nobody could be asked: no copy, counted as `dropped`

Guarantee: a mirror gets no text that a guard of the request, or of the mirror itself, has not passed; no header that
is for another backend; and of what goes to a provider no credential that is not its own. The exchange waits for none of
that: what the mirror's own policies need is awaited in the copy's task.
"""

from collections.abc import Awaitable, Callable

from sluice.config.plan import AiBackend, Endpoint, HttpBackend, Rule
from sluice.errors import ClientError
from sluice.gateway.active import ActivePlan
from sluice.gateway.call import Call
from sluice.gateway.outbound import Draft, Outbound
from sluice.gateway.plain_http import host_header, plain_http
from sluice.gateway.policing import Policing
from sluice.gateway.tracing import under
from sluice.gateway.tracing_beside import Beside
from sluice.gateway.world import World
from sluice.policies import headers as header_policy
from sluice.policies.guards import Guards
from sluice.policies.mirroring import fires
from sluice.wire import http1

_DESCRIBES_BODY = (b"content-type", b"content-encoding")
_JSON = (b"content-type", b"application/json")


class Copying:
    """The copies of one exchange. Call `send` once, when the guards of the request have looked at it."""

    def __init__(self, world: World, active: ActivePlan, rule: Rule, policing: Policing) -> None:
        self._world, self._active, self._rule, self._policing = world, active, rule, policing
        self._mirrors = world.services.mirrors

    def send(self, traceparent: bytes, call: Call | None = None, asked: Outbound | None = None) -> None:
        """Send those that the rule wants. `call`: what is put to `asked`, the first target; None = the request goes to
        plain HTTP, as it is."""
        for mirror in self._rule.mirrors:
            if not fires(mirror.share, self._world.die()):
                continue
            backend = mirror.backend
            if call is not None and asked is not None:
                if isinstance(backend, HttpBackend):
                    self._told(backend, call, asked, traceparent)
                else:
                    self._written(backend, call, asked, traceparent)
            elif isinstance(backend, HttpBackend):
                self._plain(backend)

    def _beside(self, backend: HttpBackend | AiBackend, endpoint: Endpoint) -> Beside | None:
        """The span of a copy; None = nobody wants to see it."""
        trace = self._policing.trace
        return None if trace is None else trace.beside("mirror", backend.name, self._world.wall(), endpoint.label)

    def _plain(self, backend: HttpBackend) -> None:
        """Plain HTTP to plain HTTP: the request as it came, but for what its backend has of its own."""
        policing, beside = self._policing.aside(), self._beside(backend, backend.endpoint)

        async def rendered() -> bytes:
            await policing.at_access(backend.access)
            policing.at_backend(self._active.shaper, None, backend, None)
            request = policing.shape.to_plain(host_header(backend.endpoint))
            return plain_http(request if beside is None else under(request, beside.traceparent), backend.endpoint)

        self._send(backend, policing, len(policing.request.body), rendered, beside)

    def _told(self, backend: HttpBackend, call: Call, asked: Outbound, traceparent: bytes) -> None:
        """What is put to a provider, for plain HTTP: the headers that a provider may see, and no query, which may hold
        a key."""
        policing, default = self._policing.aside(), [] if call.chat is None else [_JSON]
        try:
            body = call.as_asked(asked)
        except ClientError:
            self._mirrors.drop(backend.name)
            return
        beside = self._beside(backend, backend.endpoint)
        parent = traceparent if beside is None else beside.traceparent

        async def rendered() -> bytes:
            await policing.at_access(backend.access)
            policing.at_backend(self._active.shaper, None, backend, None)
            request, shape = policing.request, policing.shape
            host = shape.provider_host(host_header(backend.endpoint))
            said = header_policy.without_credentials(request.added)
            crossing = header_policy.to_provider(request.headers, same_api=True)
            crossing = [field for field in crossing if field[0] not in dict(said)] + said
            crossing += [field for field in request.headers if field[0] in _DESCRIBES_BODY] or default
            fixed = http1.fields([(b"host", host.encode("latin-1")), (b"traceparent", parent)])
            fields = fixed + http1.fields(shape.to_provider(crossing, fixed))
            return Draft(request.method, request.path, host, fields, body).render()

        self._send(backend, policing, len(body), rendered, beside)

    def _send(
        self,
        backend: HttpBackend,
        policing: Policing,
        size: int,
        rendered: Callable[[], Awaitable[bytes]],
        beside: Beside | None,
    ) -> None:
        expects_body = policing.request.method != "HEAD"
        self._mirrors.send(backend.name, backend.endpoint, size, rendered, expects_body=expects_body, beside=beside)

    def _written(self, backend: AiBackend, call: Call, asked: Outbound, traceparent: bytes) -> None:
        outbound = self._active.groups(backend, call.kind)[0][0]
        looked = self._active.policy(self._rule, call.backend, asked.target).guards.request
        guards = self._active.policy(self._rule, backend, outbound.target).guards
        own = Guards(request=tuple(guard for guard in guards.request if guard not in looked), response=guards.response)
        policing = self._policing.aside()
        copied = call.aside(backend, policing)
        beside = self._beside(backend, outbound.target.endpoint)
        parent = traceparent if beside is None else beside.traceparent

        async def drafted() -> Draft:
            await policing.at_access(backend.access)
            policing.at_backend(self._active.shaper, None, backend, outbound.target)
            await copied.look(policing, own)
            draft = copied.draft(outbound, parent)
            if not isinstance(draft, Draft):
                raise ClientError("the gateway answers this by itself: there is nothing to copy")
            return draft

        self._mirrors.send_draft(backend.name, outbound, len(policing.request.body), drafted, beside)
