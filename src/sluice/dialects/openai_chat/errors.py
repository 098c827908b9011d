"""OpenAI's error object, read and written: `{"error": {"message", "type", "param", "code"}}`.

Source: platform.openai.com/docs/guides/error-codes, read 2026-11-21. The official client takes any event with a
true `error` for a failure, so an error event is a `data` line with that object and no `[DONE]` after it.
"""

import re

import msgspec

from sluice.dialects.openai_chat.schema import UNREADABLE
from sluice.dialects.reading import legible, numeric_status, text_of
from sluice.dialects.writing import to_json
from sluice.errors import InBandFailure, Refused, SluiceError
from sluice.wire import sse

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
    "overloaded_error": 529,
    "server_overloaded": 529,
}
"""Which status an error inside a 200 would have had (dialects.md, decision 9); anything else is a 502."""

_TYPE_OF_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
"""The word for a status, where the provider has none of this dialect's; other 4xx are `invalid_request_error`, 5xx
`api_error`."""

_FOREIGN = re.compile(r"[A-Z][A-Z_]+|\w+Exception|(overloaded|billing|timeout|api)_error|request_too_large")
"""Types that are another API's words (Google's codes, AWS's exceptions, Anthropic's own), or say nothing."""


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | float | bool | None = None
    param: msgspec.Raw = msgspec.Raw(b"")


class _Body(msgspec.Struct):
    error: _Error | str | None = None
    message: str | None = None
    detail: str | None = None
    type: str | None = None
    code: str | int | float | bool | None = None
    object: str | None = None


def read(status: int, body: bytes) -> Refused:
    """Read a provider's non-2xx answer, whatever its shape; never raises."""
    try:
        whole = msgspec.json.decode(legible(body), type=_Body | list[_Body], strict=False)
    except UNREADABLE:
        text = text_of(body)
        return Refused(text or f"the provider answered with status {status} and no body", status=status)
    if isinstance(whole, list):  # Google's compatible API puts its error into a list
        whole = whole[0] if whole else _Body()
    error = _error_of(whole)
    message = error.message or f"the provider answered with status {status}"
    refused = Refused(message, status=status, code=_code(error), type=error.type)
    refused.param = _param(error)
    return refused


def _error_of(whole: _Body) -> _Error:
    """The error object, or what stands in its place: a text, or (vLLM) the members at the top."""
    if isinstance(whole.error, _Error):
        error = whole.error
        return error if error.message else _Error(whole.message or whole.detail, error.type, error.code, error.param)
    return _Error(whole.error or whole.message or whole.detail, whole.type, whole.code)


def _code(error: _Error) -> str | None:
    return None if error.code is None else str(error.code)


def _param(error: _Error) -> str | None:
    try:
        return msgspec.json.decode(error.param, type=str | None) if bytes(error.param) else None
    except UNREADABLE:
        return None


_NO_ERROR = frozenset([b"null", b"false", b'""', b"0", b"{}", b"[]"])
"""Values of `error` that some vendors send in every chunk; the official client takes them for none."""


def in_band(error: bytes) -> InBandFailure | None:
    """Read the `error` member of an event, None if it says that there is none; never raises."""
    if error in _NO_ERROR:
        return None
    try:
        known = msgspec.json.decode(legible(error), type=_Error | str, strict=False)
    except UNREADABLE:
        known = _Error()
    return _failure(_Error(message=known) if isinstance(known, str) else known)


def bare(event: str, data: bytes) -> InBandFailure | None:
    """Read an event without choices that is an error by its name (`event: error`) or by itself (vLLM's
    `"object": "error"`); None if it is not."""
    try:
        whole = msgspec.json.decode(legible(data), type=_Body, strict=False)
    except UNREADABLE:
        whole = _Body()
    if event != "error" and "error" not in (whole.object, whole.type):
        return None
    return _failure(_error_of(whole))


def _failure(error: _Error) -> InBandFailure:
    code = _code(error)
    status = _STATUS_OF_TYPE.get(error.type or "") or _STATUS_OF_TYPE.get(code or "") or numeric_status(code)
    message = error.message or "the provider reported an error inside its answer"
    return InBandFailure(message, status=status, code=code, type=error.type)


def status_of(error: SluiceError) -> int:
    """OpenAI has no 529."""
    return 503 if error.status == 529 else error.status


def _type_of(error: SluiceError) -> str:
    """A provider's own word if it is one of this dialect, else the word for the status; ours are ours."""
    if not isinstance(error, Refused | InBandFailure) or not _FOREIGN.fullmatch(error.type):
        return error.type
    status = status_of(error)
    return _TYPE_OF_STATUS.get(status, "api_error" if status >= 500 else "invalid_request_error")


def _object(error: SluiceError) -> dict[str, object]:
    return {"error": {"message": str(error), "type": _type_of(error), "param": error.param, "code": error.code}}


def write(error: SluiceError) -> bytes:
    return to_json(_object(error))


def write_event(error: SluiceError) -> bytes:
    return sse.encode(write(error))
