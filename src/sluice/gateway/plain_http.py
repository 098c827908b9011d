"""What is asked of a backend of plain HTTP, and how a host is written."""

from sluice.config.plan import Endpoint
from sluice.gateway.ports import Request
from sluice.wire import http1


def plain_http(request: Request, endpoint: Endpoint) -> bytes:
    """Render a request to a static backend: everything end-to-end crosses, and who asked is said."""
    query = f"?{request.query}" if request.query else ""
    line = f"{request.method} {request.path}{query} HTTP/1.1\r\n".encode("latin-1")
    own = {b"content-length", b"expect"}
    crossing = [field for field in http1.end_to_end(request.headers) if field[0] not in own]
    if not any(name == b"host" for name, _ in crossing):
        crossing.append((b"host", host_header(endpoint).encode("latin-1")))
    crossing.append((b"x-forwarded-for", request.peer.rpartition(":")[0].encode("latin-1")))
    length = b"content-length: %d\r\n" % len(request.body) if request.body or request.method == "POST" else b""
    return b"%b%b%b\r\n%b" % (line, http1.fields(crossing), length, request.body)


def host_header(endpoint: Endpoint) -> str:
    """Host without the port that the scheme implies."""
    usual = 443 if endpoint.tls else 80
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return host if endpoint.port == usual else f"{host}:{endpoint.port}"
