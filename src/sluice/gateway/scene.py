"""What expressions see of a request. Nothing is decoded until one looks at it."""

from urllib.parse import parse_qsl

import msgspec

from sluice.gateway.ports import Request
from sluice.policies.scene import Fact, Scene

MAX_PARAMETERS = 1000
"""Of a query that expressions see; one with more has none."""


def scene_of(request: Request, *, scheme: str = "http") -> Scene:
    """Return the scene of a request whose sender is not known yet."""
    address, _, port = request.peer.rpartition(":")
    return Scene(
        {
            "request": request_facts(request, scheme),
            "source": {"address": address.strip("[]"), "port": int(port) if port.isdigit() else 0},
            "llm": {
                "requestModel": lambda: _member(request, "model"),
                "streaming": lambda: _member(request, "stream") is True,
            },
            "llmRequest": lambda: msgspec.json.decode(request.body),
        }
    )


def request_facts(request: Request, scheme: str) -> dict[str, Fact]:
    """Return what the variable `request` says."""
    host = request.header(b"host") or ""
    target = f"{request.path}?{request.query}" if request.query else request.path

    def headers() -> dict[str, str]:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.headers)}

    def query() -> dict[str, str]:
        return dict(reversed(parse_qsl(request.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)))

    return {
        "method": request.method,
        "path": request.path,
        "pathAndQuery": target,
        "host": host,
        "uri": f"{scheme}://{host}{target}",
        "scheme": scheme,
        "version": request.http_version,
        "headers": headers,
        "query": query,
        "body": request.body.decode,
    }


def _member(request: Request, name: str) -> object:
    """A member of the body that the published APIs agree on.

    Raises:
        ValueError: the body is no JSON object.
        LookupError: it has no such member.
    """
    return msgspec.json.decode(msgspec.json.decode(request.body, type=dict[str, msgspec.Raw])[name])
