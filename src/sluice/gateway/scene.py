"""What expressions see of a request. Nothing is decoded until one looks at it."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import parse_qsl

import msgspec

from sluice.gateway.operation import operation
from sluice.gateway.ports import Request
from sluice.policies.scene import Doubtful, Fact, Scene
from sluice.relay.relay import Said
from sluice.wire.http1 import Header
from sluice.wire.target import as_read

_COUNTS = {
    "inputTokens": "input_tokens",
    "cachedInputTokens": "cache_read_tokens",
    "cacheCreationInputTokens": "cache_write_tokens",
    "outputTokens": "output_tokens",
    "reasoningTokens": "reasoning_tokens",
    "totalTokens": "total_tokens",
}
"""Of `llm` -> of `Usage`."""
MAX_PARAMETERS = 1000
"""Of a query that expressions see; one with more cannot be read."""


def scene_of(request: Request, *, scheme: str = "http") -> Scene:
    """Return the scene of a request whose sender is not known yet."""
    address, _, port = request.peer.rpartition(":")
    return Scene(
        {
            "request": request_facts(request, scheme),
            "source": {"address": address.strip("[]"), "port": int(port) if port.isdigit() else 0},
            "llm": asked_facts(request),
            "llmRequest": partial(read_body, request),
        }
    )


def request_facts(request: Request, scheme: str) -> dict[str, Fact]:
    """Return what the variable `request` says."""
    host = request.header(b"host") or ""
    path = as_read(request.path)
    target = f"{path}?{request.query}" if request.query else path

    def query() -> object:
        pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        first = dict(reversed(pairs))
        return _with_doubt(first, {name for name, value in pairs if first[name] != value})

    return {
        "method": request.method,
        "path": path,
        "pathAndQuery": target,
        "host": host,
        "uri": f"{scheme}://{host}{target}",
        "scheme": scheme,
        "version": request.http_version,
        "headers": lambda: _joined(request.headers),
        "query": query,
        "body": request.body.decode,
    }


def answer_facts(provider: str, said: Said) -> dict[str, Fact]:
    """Return what the variable `llm` says once a target answers. `provider`: its name in telemetry. When the head of an
    answer is written, a whole one has said everything, and a stream its model but no counts."""

    def model() -> str:
        if not said.model:
            raise LookupError("the model is not known yet")
        return said.model

    def count(name: str) -> Callable[[], int]:
        def counted() -> int:
            if said.usage is None:
                raise LookupError("what was used is not known yet")
            return int(getattr(said.usage, name))

        return counted

    return {"provider": provider, "responseModel": model, **{name: count(field) for name, field in _COUNTS.items()}}


def _joined(headers: Sequence[Header]) -> object:
    """Headers by their names; the values of one that stands there more than once as RFC 9110 5.3 joins them."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name, value in headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        if key not in found:
            found[key] = text
        elif key == "cookie":  # RFC 9113 8.2.3: whole or in crumbs, it says the same
            found[key] += f"; {text}"
        else:
            found[key] += f", {text}"
            twice.add(key)
    return _with_doubt(found, twice)


def _with_doubt(found: dict[str, str], twice: set[str]) -> object:
    """What stands there with two values: some backends take the first, some the last, some both."""
    return Doubtful(found, {name: value for name, value in found.items() if name not in twice}) if twice else found


def asked_facts(request: Request) -> dict[str, Fact]:
    """Return what the variable `llm` says of a request: the model may stand in its address."""
    wanted = operation(request.path, request.query)
    return {
        "requestModel": wanted.model or partial(_member, request, "model"),
        "streaming": lambda: wanted.stream is True or _member(request, "stream") is True,
    }


def read_body(request: Request) -> object:
    """Return the JSON of a body as lenient readers take it: in UTF-16, with a byte order mark, with large numbers.

    Raises:
        LookupError: there is none.
        ValueError, RecursionError: it is no JSON.
    """
    if not request.body:
        raise LookupError("there is no body")
    try:
        return msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(request.body)


def _member(request: Request, name: str) -> object:
    """A member of the body that the published APIs agree on.

    Raises:
        ValueError, RecursionError: the body is no JSON object.
        LookupError: it has no such member.
    """
    if not request.body:
        raise LookupError("there is no body")
    try:
        return msgspec.json.decode(msgspec.json.decode(request.body, type=dict[str, msgspec.Raw])[name])
    except (msgspec.DecodeError, UnicodeDecodeError):
        members = read_body(request)
    if not isinstance(members, dict):
        raise ValueError("the body is no JSON object")
    return members[name]
