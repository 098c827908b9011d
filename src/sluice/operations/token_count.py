"""Requests that ask how many tokens they have: Anthropic's and Google's as clients speak them, Amazon's as a provider.

Sources: docs.claude.com/en/api/messages-count-tokens, ai.google.dev/api/tokens, docs.cloud.google.com/vertex-ai
(countTokens), docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html, read 2026-11-21.
"""

from collections.abc import Callable, Mapping

import msgspec

from sluice.dialects.reading import UNREADABLE, explain
from sluice.operations.translation import not_an_answer

Members = dict[str, msgspec.Raw]

API = "a count of tokens"
MESSAGES_FIELDS = frozenset(
    [
        *("messages", "model", "system", "tools", "tool_choice", "thinking", "cache_control", "output_config"),
        *("output_format", "context_management", "mcp_servers", "speed"),
    ]
)
"""What Anthropic's count takes. It refuses what only an answer needs (`max_tokens`), which operators may have added."""

_VERSION = "anthropic_version"
"""A member of the body on clouds."""
_INNER = ("generateContentRequest", "generate_content_request")
_CONVERSE = ("messages", "system", "toolConfig", "additionalModelRequestFields")


class _Count(msgspec.Struct):
    input_tokens: int | None = None
    amazons: int | None = msgspec.field(name="inputTokens", default=None)
    googles: int | None = msgspec.field(name="totalTokens", default=None)


_read_count = msgspec.json.Decoder(_Count).decode
_read_members = msgspec.json.Decoder(Members).decode
_encode = msgspec.json.Encoder().encode


def unwrapped(body: bytes) -> Members:
    """Return the members of the request whose tokens are to be counted: Google's may stand in
    `generateContentRequest`.

    Raises:
        BadRequest: the body is no JSON object, or what it wraps is none.
    """
    try:
        members = _read_members(body)
        inner = next((members[name] for name in _INNER if name in members), None)
        return members if inner is None else _read_members(inner)
    except UNREADABLE as error:
        raise explain(error, body) from None


def _messages(body: Members, model: str) -> bytes:
    return _encode({name: raw for name, raw in body.items() if name in MESSAGES_FIELDS or name == _VERSION})


def _gemini(body: Members, model: str) -> bytes:
    """Contents alone stand as they are; with anything else (tools, a system instruction) the whole request does."""
    if set(body) <= {"contents"}:
        return _encode(body)
    named = model if "/" in model else f"models/{model}"
    return _encode({"generateContentRequest": {"model": named, **body}})


def _flat(body: Members, model: str) -> bytes:
    """As a chat request: Vertex knows no wrapper."""
    return _encode(body)


def _converse(body: Members, model: str) -> bytes:
    return _encode({"input": {"converse": {name: body[name] for name in _CONVERSE if name in body}}})


_WRITERS: Mapping[str, Callable[[Members, str], bytes]] = {
    "messages_token_count": _messages,
    "content_token_count": _flat,
    "gemini_count": _gemini,
    "converse_count": _converse,
}
"""Name in a provider's row, or the operation if there is none."""


def ask(chat: Members, form: str, model: str) -> bytes:
    """Return the body that asks for the tokens of a chat request. `chat` are its members, in the dialect that the
    provider counts; `form` is the name in its row, or the operation."""
    return _WRITERS[form](chat, model)


def read(body: bytes) -> int:
    """Read a provider's count, whoever it is.

    Raises:
        ProtocolError: it is none.
    """
    try:
        found = _read_count(body)
    except UNREADABLE:
        raise not_an_answer(API) from None
    counts = (found.input_tokens, found.amazons, found.googles)
    tokens = next((count for count in counts if count is not None), None)
    if tokens is None:
        raise not_an_answer(API)
    return tokens


def write(tokens: int, operation: str) -> bytes:
    """Write a count for the client who asked for this operation (a route type)."""
    return _encode({"input_tokens" if operation == "messages_token_count" else "totalTokens": tokens})
