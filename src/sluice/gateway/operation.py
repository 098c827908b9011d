"""Which operation of a provider's API a request asks for, told by method and path alone.

An address below `/v1/` names its operation by what follows; a bare prefix (`/openai`) is the chat operation, as
agentgateway serves it, unless it goes on with the name of another operation: clients are given `/openai` as their
base URL.
"""

import re
from typing import Literal

import msgspec

from sluice.chat.request import ChatRequest
from sluice.dialects.dialect import Dialect
from sluice.errors import MethodNotAllowed, UnsupportedMedia
from sluice.gateway.ports import Request

CHAT_SUFFIX = "/chat/completions"
_OTHER = re.compile(
    r"(?<!/chat)/(?:embeddings|responses|completions|moderations|images|audio|files|uploads|batches|fine_tuning|vector_stores"
    r"|assistants|threads|models|rerank)(?:/.*)?$"
)
"""Operations that a client with a bare prefix as its base URL asks for; `/chat/completions` is not among them."""


class Operation(msgspec.Struct, frozen=True):
    """`chat` is read and relayed by a dialect; `passthrough` crosses unread, to `suffix` below the provider's base
    path."""

    kind: Literal["chat", "passthrough"]
    suffix: str


_CHAT = Operation("chat", CHAT_SUFFIX)


def operation(method: str, path: str) -> Operation:
    """Tell the operation of a request.

    Raises:
        MethodNotAllowed: a chat address that was not asked with POST.
    """
    _, versioned, rest = path.rpartition("/v1/")
    suffix = f"/{rest}" if versioned else ""
    if not versioned and (named := _OTHER.search(path)):
        suffix = named[0]
    if not suffix or suffix == CHAT_SUFFIX:
        if method != "POST":
            raise MethodNotAllowed(f"This address answers to POST, not to {method}.")
        return _CHAT
    return Operation("passthrough", suffix)


def read_chat(request: Request, dialect: Dialect) -> ChatRequest:
    """Read the body of a chat request.

    Raises:
        UnsupportedMedia: it is compressed.
        BadRequest: it is not what the dialect asks for.
    """
    if (request.header(b"content-encoding") or "identity").lower() != "identity":
        raise UnsupportedMedia("The body of a chat request must not be compressed.")
    return dialect.read_request(request.body)
