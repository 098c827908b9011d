"""Which operation of which API a request asks for, told by method, path and query alone.

An address names its operation by its end (compat-agentgateway 1.2). A bare prefix (`/openai`) is the chat operation, as
agentgateway serves it, unless it goes on with the name of another operation: clients are given such a prefix as their
base URL. An operator's `ai.routes` overrule all of it.
"""

import re
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

import msgspec

from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.dialect import Dialect
from sluice.dialects.reading import tell_apart
from sluice.errors import MethodNotAllowed, UnsupportedMedia
from sluice.gateway.ports import Request
from sluice.policies.ai import AiPolicy, RouteType, route_type

_SUFFIXES: tuple[tuple[str, RouteType], ...] = (
    ("/chat/completions", "completions"),
    ("/messages", "messages"),
    ("/messages/count_tokens", "messages_token_count"),
    ("/responses", "responses"),
    ("/embeddings", "embeddings"),
    ("/rerank", "rerank"),
    ("/models", "models"),
)
_VERBS: dict[str, tuple[RouteType, bool]] = {
    "generateContent": ("generate_content", False),
    "streamGenerateContent": ("generate_content", True),
    "countTokens": ("content_token_count", False),
    "rawPredict": ("messages", False),
    "streamRawPredict": ("messages", True),
}
_VERB = re.compile(r"/(?P<kind>models|tunedModels)/(?P<model>.+):(?P<verb>[A-Za-z]+)$")
"""A model's name may itself hold colons: `llama3:8b`, `anthropic.claude-3-5-sonnet-20241022-v2:0`."""
_VERSION = re.compile(r"/v[0-9]+(?:(?:alpha|beta)[0-9]*)?(?=/)")
_NAMED = re.compile(
    r"/(?:completions|moderations|images|audio|files|uploads|batches|fine_tuning|vector_stores|assistants|threads|models"
    r"|messages|responses|conversations|realtime|videos|containers|evals)(?:/.*)?$"
)
"""Operations that a client with a bare prefix as its base URL asks for, chat completions taken out before."""

MAX_REMEMBERED_CHARS = 256
"""Clients choose addresses: what is remembered of them is bounded in number and in length."""

CHAT_TYPES = frozenset[RouteType](["completions", "messages", "responses", "generate_content"])


class Operation(msgspec.Struct, frozen=True):
    """What is asked. `suffix` is the address below the API's version, for what crosses unread."""

    kind: RouteType
    suffix: str = ""
    model: str = ""
    """What the address says, for APIs whose addresses do."""
    stream: bool | None = None
    framing: Framing = "sse"


def operation(path: str, query: str) -> Operation:
    """Tell the operation of an address. Never raises: what is not known crosses unread.

    Cost: 0.1 microseconds for an address that was asked about lately, 3 for another.
    """
    return _remembered(path, query) if len(path) + len(query) <= MAX_REMEMBERED_CHARS else _operation(path, query)


def _operation(path: str, query: str) -> Operation:
    if verb := _VERB.search(path):
        kind, stream = _VERBS.get(verb["verb"], ("passthrough", False))
        array = stream and kind == "generate_content" and ("alt", "sse") not in parse_qsl(query[:8192])
        framing: Framing = "json_array" if array else "sse"
        model = unquote(verb["model"])
        return Operation(
            kind, _suffix(path), model if verb["kind"] == "models" else f"tunedModels/{model}", stream, framing
        )
    for suffix, named in _SUFFIXES:
        if path.endswith(suffix):
            return Operation(named, _suffix(path))
    suffix = _suffix(path)
    return Operation("passthrough", suffix) if suffix else Operation("completions")


_remembered = lru_cache(maxsize=1024)(_operation)


def typed(wanted: Operation, policy: AiPolicy, path: str) -> Operation:
    """Return the operation as the operator's route types have it."""
    kind = route_type(policy, path) if policy.routes else None
    if kind is None or kind == wanted.kind:
        return wanted
    return msgspec.structs.replace(wanted, kind=kind, suffix=wanted.suffix or path)


def _suffix(path: str) -> str:
    """What follows the API's version; without one, what begins with the name of an operation; else nothing."""
    versions = list(_VERSION.finditer(path))
    if versions:
        return path[versions[-1].end() :]
    if path.endswith("/chat/completions"):
        return "/chat/completions"
    named = _NAMED.search(path) or re.search(r"/(?:embeddings|rerank)$", path)
    return named[0] if named else ""


def read_chat(request: Request, dialect: Dialect, wanted: Operation) -> ChatRequest:
    """Read the body of a chat request.

    Raises:
        MethodNotAllowed: it was not sent with POST.
        UnsupportedMedia: it is compressed.
        BadRequest: it is not what the dialect asks for.
    """
    check(request)
    chat = dialect.read_request(request.body, model=wanted.model, stream=wanted.stream, framing=wanted.framing)
    tell_apart(chat.fields)
    return chat


def check(request: Request) -> None:
    """Refuse a request whose body Sluice cannot read.

    Raises:
        MethodNotAllowed: it was not sent with POST.
        UnsupportedMedia: it is compressed.
    """
    if request.method != "POST":
        raise MethodNotAllowed(f"This address answers to POST, not to {request.method}.")
    if (request.header(b"content-encoding") or "identity").lower() != "identity":
        raise UnsupportedMedia("The body of this request must not be compressed.")
