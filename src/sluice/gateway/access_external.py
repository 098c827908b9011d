"""External authorization: asks the service, within its time, and remembers what it said."""

from collections.abc import Callable, Hashable

import msgspec

from sluice.errors import BodyTooLarge, Denied, PolicyUnavailable, UpstreamError
from sluice.gateway.access_http import ask, endpoint_of, host_of, render
from sluice.gateway.access_sources import Clock
from sluice.gateway.ports import Request, Upstream, UpstreamHead
from sluice.gateway.tracing import TRACEPARENT, Trace
from sluice.policies.condition import Condition
from sluice.policies.external_auth import (
    MAX_DENIAL_BYTES,
    ExternalAuth,
    Permitted,
    denied,
    permitted,
    redirected,
    until,
)
from sluice.policies.remembered import Remembered
from sluice.policies.scene import ANSWERED, Scene
from sluice.policies.server import Server
from sluice.policies.value import Value
from sluice.wire.http1 import Header

_FAILED = 500
_REDIRECTS = (401, 403)
Decision = Permitted | Denied


class ExternalCheck:
    """One service that is asked. Guarantee: a request passes only if it said yes, now or within the time that the
    operator lets its answers hold, or if it failed and the operator says that this lets a request pass."""

    def __init__(self, policy: ExternalAuth, upstream: Upstream, clock: Clock, wall: Callable[[], float]) -> None:
        self._policy = policy
        self._upstream = upstream
        self._clock, self._wall = clock, wall
        self._condition = Condition(policy.condition) if policy.condition else None
        self._path = _value(policy.path)
        self._body = _value(policy.body)
        self._redirect = _value(policy.redirect)
        self._added = [(name.encode("latin-1"), Value(text)) for name, text in policy.add_headers]
        self._metadata = [(name, Value(text)) for name, text in policy.metadata]
        self._key = [Value(text) for text in policy.cache.key] if policy.cache is not None else []
        self._ttl = _value(policy.cache.ttl) if policy.cache is not None else None
        self._decisions: Remembered[Decision] = Remembered(policy.cache.max_entries if policy.cache else 1)

    def is_asked(self, scene: Scene) -> bool:
        """Return whether this service is asked about a request."""
        return self._condition is None or self._condition.holds(scene)

    async def check(self, request: Request, scene: Scene, trace: Trace | None = None) -> Permitted:
        """Return what the service's yes brings along. `trace`: where it is noted that it was asked.

        Raises:
            Denied: it said no.
            PolicyUnavailable: it did not answer, and the policy fails closed.
            BodyTooLarge: it wants to see the body, and that is too long.
        """
        key = self._key_of(scene)
        decision = self._decisions.get(key, self._clock()) if key is not None else None
        if decision is None:
            try:
                decision = await self._watched(request, scene, trace)
            except (UpstreamError, LookupError, ValueError):
                if self._policy.fails_open:
                    return Permitted()
                text = "the external authorization cannot be asked"
                raise PolicyUnavailable(text, reason="ExtAuth", status=self._policy.failure_status) from None
            if key is not None:
                self._remember(key, decision, scene)
        if isinstance(decision, Permitted):
            return decision
        raise denied(decision.status, decision.headers, (decision.body or "").encode())

    async def _watched(self, request: Request, scene: Scene, trace: Trace | None) -> Decision:
        server = self._policy.server
        if trace is None or server is None:
            return await self._ask(request, scene)
        with trace.step("auth", "ext_authz", endpoint_of(server).label) as step:
            decision = await self._ask(request, scene, step.traceparent)
            step.result = "Allow" if isinstance(decision, Permitted) else "Reject"
            return decision

    async def _ask(self, request: Request, scene: Scene, traceparent: bytes = b"") -> Decision:
        policy = self._policy
        if policy.server is None:
            raise LookupError("there is no such service")
        body = self._body_of(request, scene)
        target = f"{request.path}?{request.query}" if request.query else request.path
        if self._path is not None:
            target = str(self._path.value(scene))
        headers = self._headers(request, scene, policy.server, len(body))
        if traceparent:
            headers = [*(field for field in headers if field[0] != TRACEPARENT), (TRACEPARENT, traceparent)]
        asked = render(request.method, target, headers, body)
        head, answer = await ask(
            self._upstream,
            policy.server,
            asked,
            within_s=policy.timeout_s,
            max_bytes=MAX_DENIAL_BYTES,
            expects_body=request.method != "HEAD",
            cuts=True,  # what it says beyond that decides nothing
        )
        if head.status >= _FAILED or head.status < 200:
            raise ValueError("the service failed")
        if head.status < 300:
            return permitted(policy, head.headers, self._noted(head, answer, scene))
        if self._redirect is not None and head.status in _REDIRECTS:
            return redirected(str(self._redirect.value(scene)))
        return denied(head.status, head.headers, answer)

    def _body_of(self, request: Request, scene: Scene) -> bytes:
        if self._body is not None:
            value = self._body.value(scene)
            if isinstance(value, str | bytes):
                return value.encode() if isinstance(value, str) else value
            return msgspec.json.encode(value)
        bound = self._policy.body_bytes
        if bound and len(request.body) > bound and not self._policy.partial_body:
            raise BodyTooLarge(f"the external authorization takes bodies of {bound} bytes at most")
        return request.body[:bound]

    def _headers(self, request: Request, scene: Scene, server: Server, sent: int) -> list[Header]:
        wanted = {name.encode("latin-1") for name in self._policy.request_headers}
        headers: dict[bytes, bytes] = {}
        for name, said in request.headers:
            if name in wanted:  # as everybody else sees it: RFC 9110 5.3
                joint = b"; " if name == b"cookie" else b", "
                headers[name] = said if name not in headers else headers[name] + joint + said
        if self._policy.body_bytes:
            headers[b"x-envoy-auth-partial-body"] = b"true" if sent < len(request.body) else b"false"
        for name, value in self._added:
            try:
                text = value.value(scene)
            except LookupError:
                continue
            headers[name] = str(text).encode("latin-1", "replace")
        headers |= {b"host": host_of(server), b"accept-encoding": b"identity"}
        return list(headers.items())

    def _noted(self, head: UpstreamHead, answer: bytes, scene: Scene) -> dict[str, object]:
        """What the operator wants to know of a yes."""
        if not self._metadata:
            return {}
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(head.headers)}
        scene.learn("response", {"code": head.status, "headers": headers, "body": answer.decode("utf-8", "replace")})
        noted = {}
        for name, value in self._metadata:
            try:
                noted[name] = value.value(scene)
            except LookupError:
                continue
        scene.learn("response", {})
        return noted

    def _key_of(self, scene: Scene) -> Hashable | None:
        """The values of the operator's key; None if nothing may be remembered."""
        if not self._key:
            return None
        try:
            values = [value.value(scene) for value in self._key]
        except LookupError:
            return None
        plain = all(isinstance(value, str | bytes | int | float | bool | None) for value in values)
        return tuple((type(value), value) for value in values) if plain else None

    def _remember(self, key: Hashable, decision: Decision, scene: Scene) -> None:
        assert self._policy.cache is not None
        now = self._clock()
        held: float | None = now + self._policy.cache.ttl_s
        if self._ttl is not None:
            if isinstance(decision, Permitted):
                scene.learn("extauthz", decision.metadata)
            try:
                held = until(self._ttl.value(scene), now, self._wall())
            except LookupError:
                held = None
        if held is not None and held > now:
            self._decisions.keep(key, decision, held)


def _value(text: str) -> Value | None:
    return Value(text, sees=ANSWERED) if text else None
