"""Anthropic's error object, read and written: `{"type": "error", "error": {"type", "message"}}`.

Source: platform.claude.com/docs/en/api/errors, read 2026-11-21; the type words also in the official client's
`types/shared/error_type.py`. The official client raises for any event named `error`.
"""

import msgspec

from sluice.dialects.reading import UNREADABLE, legible, text_of
from sluice.dialects.writing import to_json
from sluice.errors import InBandFailure, Refused, SluiceError
from sluice.wire import sse

_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}
"""Which status an error inside a 200 would have had (dialects.md, decision 9); anything else is a 502."""

_TYPE_OF_STATUS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Other 4xx are `invalid_request_error`, other 5xx `api_error`."""


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | float | bool | None = None


class _Body(msgspec.Struct):
    error: _Error | str | None = None
    message: str | None = None
    detail: str | None = None


def read(status: int, body: bytes) -> Refused:
    """Read a provider's non-2xx answer, whatever its shape; never raises."""
    try:
        whole = msgspec.json.decode(legible(body), type=_Body, strict=False)
    except UNREADABLE:
        return Refused(text_of(body) or f"the provider answered with status {status} and no body", status=status)
    error = whole.error if isinstance(whole.error, _Error) else _Error(message=whole.error)
    message = error.message or whole.message or whole.detail or f"the provider answered with status {status}"
    return Refused(message, status=status, code=None if error.code is None else str(error.code), type=error.type)


def in_band(error: bytes) -> InBandFailure:
    """Read the `error` member of an event, or whatever stood there; never raises."""
    try:
        known = msgspec.json.decode(legible(error), type=_Error | str, strict=False)
    except UNREADABLE:
        known = text_of(error)
    if isinstance(known, str):
        known = _Error(message=known)
    message = known.message or "the provider reported an error inside its answer"
    code = None if known.code is None else str(known.code)
    return InBandFailure(message, status=_STATUS_OF_TYPE.get(known.type or "", 502), code=code, type=known.type)


def status_of(error: SluiceError) -> int:
    """Every status is one of this API's, 529 among them."""
    return error.status


def type_of(status: int) -> str:
    """The vendor's word for a status."""
    return _TYPE_OF_STATUS.get(status) or ("invalid_request_error" if status < 500 else "api_error")


def write(error: SluiceError) -> bytes:
    """Write an error as a whole body."""
    return to_json({"type": "error", "error": {"type": type_of(status_of(error)), "message": str(error)}})


def write_event(error: SluiceError) -> bytes:
    """Write an error as one whole event; it is legal at any place of a stream."""
    return sse.encode(write(error), "error")
