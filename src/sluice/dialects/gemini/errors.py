"""Google's error object, read and written: `{"error": {"code", "message", "status", "details"}}`.

Sources: google.rpc.Code and google.rpc.Status, cloud.google.com/apis/design/errors, read 2026-11-21. The official
client takes an event for a failure if its first member is `error`, and wants a number for its `code`. The array
endpoint wraps its errors in a list.
"""

import msgspec

from sluice.dialects.reading import MAX_TEXT, NULL, UNREADABLE, legible, text_of
from sluice.dialects.writing import to_json
from sluice.errors import InBandFailure, Refused, SluiceError

STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The word of google.rpc.Code for an HTTP status; any other 4xx is INVALID_ARGUMENT, any other 5xx INTERNAL."""

_STATUS_OF_WORD = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Which status an error inside a 200 would have had, if its `code` is no HTTP status (dialects.md, decision 9);
anything else is a 502."""

_TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class _Error(msgspec.Struct):
    message: str | None = None
    status: str | int | None = None
    code: int | str | float | None = None


class _Body(msgspec.Struct):
    error: _Error | str | None = None
    error_description: str | None = None
    """Google's token endpoint says it like that."""
    message: str | None = None
    detail: str | None = None


_read_body = msgspec.json.Decoder(_Body | list[_Body], strict=False).decode
_read_error = msgspec.json.Decoder(_Error | str, strict=False).decode


def read(status: int, body: bytes) -> Refused:
    """Read a provider's non-2xx answer, whatever its shape; never raises."""
    nothing = f"the provider answered with status {status}"
    try:
        whole = _read_body(legible(body))
    except UNREADABLE:
        text = text_of(body)
        return Refused(text or f"{nothing} and no body", status=status, type=_TYPE_OF_STATUS.get(status))
    if isinstance(whole, list):
        whole = whole[0] if whole else _Body()
    error = whole.error if isinstance(whole.error, _Error) else _Error(message=whole.error)
    message = (whole.error_description or error.message or whole.message or whole.detail or nothing)[:MAX_TEXT]
    return Refused(message, status=status, code=_word(error), type=_TYPE_OF_STATUS.get(status))


def _word(error: _Error) -> str | None:
    return error.status if isinstance(error.status, str) and error.status else None


def in_band(error: msgspec.Raw) -> InBandFailure | None:
    """Read the `error` member of a chunk, None if it is null; never raises."""
    if error == NULL:
        return None
    try:
        known = _read_error(legible(bytes(error)))
    except UNREADABLE:
        known = _Error()
    if isinstance(known, str):
        known = _Error(message=known)
    status = _in_band_status(known)
    message = (known.message or "the provider reported an error inside its answer")[:MAX_TEXT]
    return InBandFailure(message, status=status, code=_word(known), type=_TYPE_OF_STATUS.get(status))


def _in_band_status(error: _Error) -> int:
    code = error.code
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return _STATUS_OF_WORD.get(_word(error) or "", 502)


def unusable(native: str, message: str | None) -> InBandFailure:
    """The model's output was not usable, says a finish reason."""
    status = 400 if native == "MISSING_THOUGHT_SIGNATURE" else 502
    said = f": {message[:MAX_TEXT]}" if message else ""
    text = f"the provider ended its answer with {native}{said}"
    return InBandFailure(text, status=status, code=native, type=_TYPE_OF_STATUS.get(status))


def status_of(error: SluiceError) -> int:
    """The HTTP status of an error for Gemini's clients, who know no 529."""
    return 503 if error.status == 529 else error.status


def write(error: SluiceError) -> bytes:
    """Write an error as a whole body, or as one event: `error` is its first and only member."""
    status = status_of(error)
    word = STATUS_WORDS.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    body: dict[str, object] = {"code": status, "message": str(error), "status": word}
    if error.param:
        violation = {"field": error.param, "description": str(error)}
        body["details"] = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return to_json({"error": body})
