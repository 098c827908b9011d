"""The bytes of a request to a provider. What does not depend on the request is rendered once per plan."""

from collections.abc import Iterable

from sluice.config.plan import AiBackend, Endpoint, Plan, Target
from sluice.gateway.operation import Operation
from sluice.gateway.ports import Request
from sluice.policies import headers as header_policy
from sluice.wire import http1
from sluice.wire.http1 import Header


class Outbound:
    """How to ask one target: request lines and fixed headers, ready."""

    __slots__ = ("_base_path", "_chat", "_fixed", "_passthrough", "label", "secret", "target")

    def __init__(self, target: Target) -> None:
        provider = target.provider
        self.target = target
        self.label = target.endpoint.label
        placement = target.placement or provider.placement
        self.secret = placement.bare(target.credential) if target.credential else ""
        self._base_path = target.base_path or provider.base_path
        chat = target.chat_path or f"{self._base_path}{provider.chat_path}"
        fixed: list[Header] = [(b"host", host_header(target.endpoint)), (b"accept-encoding", b"identity")]
        if target.credential is not None:
            fixed.append(placement.render(target.credential))
        self._fixed = http1.fields(fixed)
        self._chat = b"POST %b HTTP/1.1\r\n%b" % (chat.encode("latin-1"), self._fixed)
        self._passthrough = target.passthrough

    def chat(self, request: Request, body: bytes, traceparent: bytes) -> bytes:
        """Render a chat request around its body."""
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (self._chat, self._variable(request, traceparent), len(body), body)

    def passthrough(self, request: Request, operation: Operation, traceparent: bytes) -> bytes:
        """Render a request that crosses unread; only its address and headers are ours."""
        query = f"?{request.query}" if request.query else ""
        line = f"{request.method} {self._base_path}{operation.suffix}{query} HTTP/1.1\r\n".encode("latin-1")
        length = b"content-length: %d\r\n" % len(request.body) if request.body or request.method == "POST" else b""
        return b"%b%b%b%b\r\n%b" % (line, self._fixed, self._variable(request, traceparent), length, request.body)

    def _variable(self, request: Request, traceparent: bytes) -> bytes:
        crossing = header_policy.to_provider(request.headers)
        crossing.append((b"traceparent", traceparent))
        if self._passthrough:
            crossing += [field for field in request.headers if field[0] == b"authorization"]
        return http1.fields(crossing)


def plain_http(request: Request, endpoint: Endpoint) -> bytes:
    """Render a request to a static backend: everything end-to-end crosses, and who asked is said."""
    query = f"?{request.query}" if request.query else ""
    line = f"{request.method} {request.path}{query} HTTP/1.1\r\n".encode("latin-1")
    own = {b"content-length", b"expect"}
    crossing = [field for field in http1.end_to_end(request.headers) if field[0] not in own]
    if not any(name == b"host" for name, _ in crossing):
        crossing.append((b"host", host_header(endpoint)))
    crossing.append((b"x-forwarded-for", request.peer.rpartition(":")[0].encode("latin-1")))
    length = b"content-length: %d\r\n" % len(request.body) if request.body or request.method == "POST" else b""
    return b"%b%b%b\r\n%b" % (line, http1.fields(crossing), length, request.body)


def host_header(endpoint: Endpoint) -> bytes:
    """Host without the port that the scheme implies."""
    usual = 443 if endpoint.tls else 80
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return (host if endpoint.port == usual else f"{host}:{endpoint.port}").encode("latin-1")


def outbounds(plan: Plan) -> dict[int, Outbound]:
    """Render every target of a plan, by the target's identity: a plan outlives its use."""
    return {id(target): Outbound(target) for backend in _backends(plan) for group in backend.groups for target in group}


def _backends(plan: Plan) -> Iterable[AiBackend]:
    for listener in plan.listeners:
        for entry in listener.entries:
            for weighted in entry.rule.backends:
                if isinstance(weighted.backend, AiBackend):
                    yield weighted.backend
    for route in plan.models:
        yield route.backend
