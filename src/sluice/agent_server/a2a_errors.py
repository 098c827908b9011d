"""The errors of A2A: JSON-RPC codes, and what REST says instead.

Every error of ours is told as one of these. JSON-RPC answers HTTP 200 whatever it says, as a2a-sdk does, except where
HTTP itself refuses: who asks, how fast, how much, in which media type. Source: A2A specification 1.0, section 5.4, and
a2a/utils/errors.py of a2a-sdk 1.3.0 (read 2026-11-21).
"""

from typing import Any, NamedTuple

from starlette.responses import Response

from sluice.agent_server.server import as_json
from sluice.errors import (
    BadRequest,
    Conflict,
    NotFound,
    SluiceError,
    UnsupportedMedia,
)

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Kind(NamedTuple):
    """A row of the specification's table."""

    code: int
    status: int
    grpc: str
    reason: str
    name: str
    """As REST of 0.3 has it."""


PARSE = Kind(-32700, 400, "INVALID_ARGUMENT", "INVALID_REQUEST", "JSONParseError")
INVALID_REQUEST = Kind(-32600, 400, "INVALID_ARGUMENT", "INVALID_REQUEST", "InvalidRequestError")
NO_METHOD = Kind(-32601, 404, "NOT_FOUND", "METHOD_NOT_FOUND", "MethodNotFoundError")
INVALID_PARAMS = Kind(-32602, 400, "INVALID_ARGUMENT", "INVALID_PARAMS", "InvalidParamsError")
INTERNAL = Kind(-32603, 500, "INTERNAL", "INTERNAL_ERROR", "InternalError")
NO_TASK = Kind(-32001, 404, "NOT_FOUND", "TASK_NOT_FOUND", "TaskNotFoundError")
NOT_CANCELABLE = Kind(-32002, 400, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE", "TaskNotCancelableError")
NO_PUSH = Kind(
    -32003, 400, "FAILED_PRECONDITION", "PUSH_NOTIFICATION_NOT_SUPPORTED", "PushNotificationNotSupportedError"
)
UNSUPPORTED = Kind(-32004, 400, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION", "UnsupportedOperationError")
CONTENT_TYPE = Kind(-32005, 400, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED", "ContentTypeNotSupportedError")
NO_CARD = Kind(
    -32007, 400, "FAILED_PRECONDITION", "EXTENDED_AGENT_CARD_NOT_CONFIGURED", "ExtendedAgentCardNotConfiguredError"
)
NO_VERSION = Kind(-32009, 400, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED", "VersionNotSupportedError")

OF_HTTP = frozenset({401, 403, 404, 413, 415, 429, 503})
"""Statuses that HTTP keeps under JSON-RPC too: they are told before a method is, and what stands between a client and
the server reads no bodies."""


class Refused(Exception):
    """A2A says no, in its own words. `data`: what a program may want to know."""

    def __init__(self, kind: Kind, message: str, **data: str) -> None:
        super().__init__(message)
        self.kind, self.data = kind, data


def kind_of(error: SluiceError) -> Kind:
    """Return what an error of ours is in A2A."""
    match error:
        case NotFound():
            return INVALID_PARAMS
        case UnsupportedMedia():
            return CONTENT_TYPE
        case BadRequest() | Conflict():
            return INVALID_PARAMS
        case _:
            return INVALID_REQUEST if error.status < 500 else INTERNAL


def refused(error: SluiceError) -> Refused:
    """Return an error of ours as A2A's."""
    data = {"field": error.param} if error.param else {}
    return Refused(kind_of(error), str(error), code=error.code, **data)


def rpc_error(error: Refused, call: object) -> dict[str, Any]:
    """Return a JSON-RPC answer that is an error. `call`: the id of the request; None if it has none."""
    told: dict[str, Any] = {"code": error.kind.code, "message": str(error)}
    if error.data:
        info = {"@type": ERROR_INFO, "reason": error.kind.reason, "domain": "a2a-protocol.org", "metadata": error.data}
        told["data"] = [info]
    return {"jsonrpc": "2.0", "id": call, "error": told}


def rest_error(error: Refused, status: int = 0, *, named: bool = False) -> Response:
    """Return an error as REST has it: google.rpc.Status; `named`: with the name and the message beside it, which is all
    that clients of 0.3 read."""
    kind = error.kind
    info: dict[str, Any] = {"@type": ERROR_INFO, "reason": kind.reason, "domain": "a2a-protocol.org"}
    if error.data:
        info["metadata"] = error.data
    told = {"code": status or kind.status, "status": kind.grpc, "message": str(error), "details": [info]}
    beside = {"type": kind.name, "message": str(error)} if named else {}
    return as_json({**beside, "error": told}, status or kind.status)
