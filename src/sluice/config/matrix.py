"""Which policy holds on which kind of request: one table, without an empty cell.

PURE. The gateway does what it says, `routes` refuses at load what it says is refused there, the page
docs/reference/policy-matrix.md is made of it, and a test sends a request through each of its cells.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from sluice.policies.ai import RouteType

Row = RouteType | Literal["model_list", "http"]
Word = Literal["runs", "refused_when_asked", "refused_at_load", "not_about_it"]
Reach = Literal["request", "filter", "sent", "tokens", "cut", "body", "model", "chat", "asked_text", "answered_text"]

CHAT: tuple[Row, ...] = ("completions", "messages", "responses", "generate_content")
COUNTS: tuple[Row, ...] = ("messages_token_count", "content_token_count")
READ: tuple[Row, ...] = ("embeddings", "rerank", *COUNTS)
UNREAD: tuple[Row, ...] = ("models", "detect", "passthrough", "realtime")
"""They cross as they are."""
OWN: tuple[Row, ...] = ("model_list",)
"""The gateway answers by itself: the list of the models that it serves under the unified addresses."""
PLAIN: tuple[Row, ...] = ("http",)
"""A rule that leads to a Service or a static backend."""
STREAMED: tuple[Row, ...] = (*CHAT, "detect", "passthrough", "realtime", *PLAIN)

POLICIES: Mapping[str, Reach] = {
    "jwtAuthentication": "request",
    "basicAuthentication": "request",
    "apiKeyAuthentication": "request",
    "extAuth": "request",
    "authorization": "request",
    "rateLimit (requests, concurrency)": "request",
    "rateLimit (tokens)": "tokens",
    "rateLimit (cutStream)": "cut",
    "budgets": "tokens",
    "cors": "request",
    "csrf": "request",
    "headerModifiers": "request",
    "transformation": "request",
    "directResponse": "request",
    "delay": "request",
    "abort": "request",
    "requestRedirect": "filter",
    "urlRewrite": "sent",
    "hostRewrite": "sent",
    "requestMirror": "sent",
    "filters of a backendRef": "sent",
    "backend.transformation": "sent",
    "backend.extAuth": "sent",
    "ai.modelAliases": "model",
    "ai.defaults": "body",
    "ai.overrides": "body",
    "ai.prompt": "chat",
    "ai.transformations": "chat",
    "ai.finalTransformations": "chat",
    "ai.promptCaching": "chat",
    "ai.promptGuard (request)": "asked_text",
    "ai.promptGuard (response)": "answered_text",
}
"""Policy -> what it needs to get hold of."""

_UNREAD = "it crosses unread"
_OWN = "the gateway answers by itself"
_PLAIN = "plain HTTP crosses unread"
_NOT_CHAT = "it is no chat request"


class Cell(msgspec.Struct, frozen=True):
    """What becomes of a policy on one kind of request, and why it is not simply that it runs."""

    word: Word
    why: str = ""


RUNS = Cell("runs")


def rows() -> Iterator[tuple[Row, bool]]:
    """Yield every kind of request, and whether its answer streams."""
    for row in (*CHAT, *READ, *UNREAD, *OWN, *PLAIN):
        yield row, False
        if row in STREAMED:
            yield row, True


def cell(row: Row, *, streams: bool, policy: str) -> Cell:
    """Return what becomes of a policy on a kind of request."""
    reach = POLICIES[policy]
    if reach == "request":
        return RUNS
    if row in OWN:
        return Cell("not_about_it", _OWN)
    if reach in ("filter", "sent"):
        return RUNS
    if row in PLAIN:
        return Cell("not_about_it" if reach == "cut" or policy == "budgets" else "refused_at_load", _PLAIN)
    if reach == "cut":
        return RUNS if row in CHAT and streams else Cell("not_about_it", "no stream of tokens is to be cut")
    if row in UNREAD:
        return _unread(row, reach)
    if row in READ:
        return _read(row, reach)
    return RUNS


def _unread(row: Row, reach: Reach) -> Cell:
    if reach == "tokens":
        if row == "models":
            return Cell("not_about_it", "it only looks something up")
        return Cell("refused_when_asked", "403: nobody can count the tokens of what crosses unread")
    if reach in ("asked_text", "answered_text"):
        return Cell("refused_when_asked", "403: no guard can look into what crosses unread")
    return Cell("not_about_it", _UNREAD)


def _read(row: Row, reach: Reach) -> Cell:
    if reach == "tokens" and row in COUNTS:
        return Cell("not_about_it", "counting tokens uses none")
    if reach == "chat":
        return Cell("not_about_it", _NOT_CHAT)
    if reach == "answered_text":
        return Cell("not_about_it", "no text of a model is in its answer")
    return RUNS
