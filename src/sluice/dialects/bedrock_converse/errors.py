"""Bedrock's errors, read: `{"message": ...}` and the exception's name, in three places.

Sources: docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html and the service's model for
the statuses (read 2026-11-21). The name comes as an HTTP header, which a dialect does not see; as `__type` in the body;
or as `:exception-type` of a message of a stream.
"""

import msgspec

from sluice.dialects.reading import MAX_TEXT, UNREADABLE, legible, text_of
from sluice.errors import InBandFailure, Refused, SluiceError
from sluice.wire import event_stream

STATUS_OF_EXCEPTION = {
    "validationexception": 400,
    "serializationexception": 400,
    "conflictexception": 400,
    "servicequotaexceededexception": 429,
    "unrecognizedclientexception": 401,
    "invalidsignatureexception": 401,
    "incompletesignatureexception": 401,
    "missingauthenticationtokenexception": 401,
    "expiredtokenexception": 401,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
    "unknownoperationexception": 404,
    "throttlingexception": 429,
    "modelnotreadyexception": 429,
    "internalserverexception": 500,
    "modelstreamerrorexception": 502,
    "modelerrorexception": 502,
    "serviceunavailableexception": 503,
    "modeltimeoutexception": 504,
}
"""Which status an exception inside a 200 would have had (dialects.md, decision 9), by its name in lower case; anything
else is a 502. Bedrock's own 424 (the model failed) and 408 (it took too long) would look like faults of the client."""

_TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}

_EXCEPTION_OF_STATUS = {400: "validationException", 429: "throttlingException", 503: "serviceUnavailableException"}
"""The exceptions that a stream may hold; the two others say whose fault it was."""


class _Body(msgspec.Struct):
    message: str | None = None
    capital: str | None = msgspec.field(default=None, name="Message")
    kind: str | None = msgspec.field(default=None, name="__type")
    original: str | None = msgspec.field(default=None, name="originalMessage")
    """The model's own words, beside Bedrock's."""


def read(status: int, body: bytes) -> Refused:
    """Read a non-2xx answer, whatever its shape; never raises. The status is passed on, but for 424: that the model
    failed is not the client's fault, and another target may be tried."""
    known = _known(body)
    message = _message(known) if known else text_of(body)
    kind = _name(known.kind) if known and known.kind else None
    return Refused(
        message or f"the provider answered with status {status}{'' if body.strip() else ' and no body'}",
        status=502 if status == 424 else status,
        code=kind,
        type=_TYPE_OF_STATUS.get(status),
    )


def in_band(exception: str, body: bytes) -> InBandFailure:
    """Read an exception that came inside an answer; never raises. `exception` is its name, empty if only the body says
    it."""
    known = _known(body)
    kind = exception or (_name(known.kind) if known and known.kind else "")
    status = STATUS_OF_EXCEPTION.get(kind.lower(), 502)
    message = (_message(known) if known else text_of(body)) or "the provider reported an error inside its answer"
    return InBandFailure(message, status=status, code=kind or None, type=_TYPE_OF_STATUS.get(status))


def is_error(body: bytes) -> bool:
    """Whether a body is an error object."""
    known = _known(body)
    return known is not None and (known.kind is not None or bool(_message(known)))


def _known(body: bytes) -> _Body | None:
    try:
        return msgspec.json.decode(legible(body), type=_Body, strict=False)
    except UNREADABLE:
        return None


def _message(known: _Body) -> str:
    message = known.message or known.capital or ""
    if known.original and known.original not in message:
        message = f"{message} ({known.original})" if message else known.original
    return message[:MAX_TEXT]


def _name(kind: str) -> str:
    """`com.amazon.coral.service#ValidationException:http://...` without its namespace and address."""
    return kind.rpartition("#")[2].partition(":")[0][:MAX_TEXT]


def write_event(error: SluiceError) -> bytes:
    """Write an error as one message of a stream."""
    usual = "internalServerException" if error.fault == "gateway" else "modelStreamErrorException"
    words = str(error).encode("utf-8", "replace").decode()
    return event_stream.encode(
        _EXCEPTION_OF_STATUS.get(error.status, usual), msgspec.json.encode({"message": words}), "exception"
    )
