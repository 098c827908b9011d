"""OpenAI's error object, read and written: `{"error": {"message", "type", "param", "code"}}`.

Source: platform.openai.com/docs/guides/error-codes, read 2026-11-21. The official client takes any event with a
true `error` for a failure, so an error event is a `data` line with that object and no `[DONE]` after it.
"""

import re

import msgspec

from sluice.dialects.openai_chat.schema import UNREADABLE
from sluice.errors import InBandFailure, Refused, SluiceError
from sluice.wire import sse

MAX_TEXT = 1024
"""Characters of a provider's own text that are quoted; an HTML page is not an error message."""

_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "requests": 429,
    "tokens": 429,
    "overloaded_error": 503,
    "server_overloaded": 503,
}
"""Which status an error inside a 200 would have had (dialects.md, decision 9); anything else is a 502."""


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
        whole = msgspec.json.decode(body, type=_Body, strict=False)
    except UNREADABLE:
        text = body.decode("utf-8", "replace").strip()[:MAX_TEXT]
        return Refused(text or f"the provider answered with status {status} and no body", status=status)
    error = whole.error if isinstance(whole.error, _Error) else _Error(message=whole.error)
    message = error.message or whole.message or whole.detail or f"the provider answered with status {status}"
    return Refused(message, status=status, code=None if error.code is None else str(error.code), type=error.type)


_NO_ERROR = frozenset([b"null", b"false", b'""', b"0", b"{}", b"[]"])
"""Values of `error` that some vendors send in every chunk; the official client takes them for none."""


def in_band(error: bytes) -> InBandFailure | None:
    """Read the `error` member of an event, None if it says that there is none; never raises."""
    if error in _NO_ERROR:
        return None
    try:
        known = msgspec.json.decode(error, type=_Error | str, strict=False)
    except UNREADABLE:
        known = _Error()
    if isinstance(known, str):
        known = _Error(message=known)
    code = None if known.code is None else str(known.code)
    status = _STATUS_OF_TYPE.get(known.type or "") or _STATUS_OF_TYPE.get(code or "") or _numeric(code)
    message = known.message or "the provider reported an error inside its answer"
    return InBandFailure(message, status=status, code=code, type=known.type)


def _numeric(code: str | None) -> int:
    return int(code) if code and re.fullmatch("[45][0-9][0-9]", code) else 502


def _object(error: SluiceError) -> dict[str, object]:
    return {"error": {"message": str(error), "type": error.type, "param": error.param, "code": error.code}}


def write(error: SluiceError) -> bytes:
    return msgspec.json.encode(_object(error))


def write_event(error: SluiceError) -> bytes:
    return sse.encode(write(error))
