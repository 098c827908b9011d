"""OpenAI's error object, read and written: `{"error": {"message", "type", "param", "code"}}`; in a stream the
`error` of a `response.failed`, or an event `error`.

Source: platform.openai.com/docs/guides/error-codes and /docs/api-reference/responses-streaming/error, read 2026-11-21.
"""

import msgspec

from sluice.dialects.openai_responses.schema import WireResponse
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE, legible, numeric_status, text_of
from sluice.dialects.writing import whole
from sluice.errors import InBandFailure, Refused, SluiceError

_STATUS_OF_WORD = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
    "invalid_image": 400,
    "invalid_image_format": 400,
    "invalid_image_url": 400,
    "invalid_base64_image": 400,
    "image_too_large": 400,
    "image_content_policy_violation": 400,
    "failed_to_download_image": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "requests": 429,
    "tokens": 429,
    "overloaded_error": 503,
    "server_is_overloaded": 503,
    "server_overloaded": 503,
    "slow_down": 503,
}
"""Which status an error inside a 200 would have had (dialects.md, decision 9); anything else is a 502."""

_WORD_OF_STATUS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
"""The `type` of an error; other 4xx are `invalid_request_error`, all 5xx `server_error`."""

_QUOTA = frozenset(["insufficient_quota", "requests", "tokens"])
"""OpenAI's further words for a 429."""

_NAMELESS = frozenset(["upstream_refused", "upstream_in_band_error"])
"""Codes that say no more than that a provider failed: in a stream the vendor's own word says it better."""


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
        text = text_of(body)
        return Refused(text or f"the provider answered with status {status} and no body", status=status)
    error = whole.error if isinstance(whole.error, _Error) else _Error(message=whole.error)
    message = error.message or whole.message or whole.detail or f"the provider answered with status {status}"
    return Refused(message, status=status, code=None if error.code is None else str(error.code), type=error.type)


def in_band(error: bytes) -> InBandFailure:
    """Read the error object of an event or an answer; never raises."""
    try:
        known = msgspec.json.decode(legible(error), type=_Error | str | None, strict=False)
    except UNREADABLE:
        known = None
    if isinstance(known, str):
        known = _Error(message=known)
    return failure(known.message, known.code, known.type) if known else failure(None, None, None)


def failure(message: str | None, code: str | float | bool | None, word: str | None) -> InBandFailure:
    """Return the failure that the provider described in these words."""
    said = None if code is None else str(code)
    status = _STATUS_OF_WORD.get(said or "") or _STATUS_OF_WORD.get(word or "") or numeric_status(said)
    return InBandFailure(
        message or "the provider reported an error inside its answer", status=status, code=said, type=word
    )


def of_response(response: WireResponse) -> InBandFailure | None:
    """Return why a response failed, None if it did not."""
    if response.error is not ABSENT and response.error != NULL:
        return in_band(bytes(response.error))
    return failure(None, None, None) if response.status in ("failed", "cancelled") else None


def status_of(error: SluiceError) -> int:
    """OpenAI has no 529."""
    return 503 if error.status == 529 else error.status


def type_of(error: SluiceError) -> str:
    """The error's word for its class: it follows the status, and the provider's own word stays where it does."""
    status, said = status_of(error), error.type
    if status >= 500:
        return said if said in ("server_error", "api_error") else "server_error"
    if said in _QUOTA if status == 429 else said == "invalid_request_error":
        return said
    return _WORD_OF_STATUS.get(status, "invalid_request_error")


def write(error: SluiceError) -> bytes:
    """The whole body."""
    row = {
        "message": whole(str(error)),
        "type": type_of(error),
        "param": error.param and whole(error.param),
        "code": whole(error.code),
    }
    return msgspec.json.encode({"error": row})


def in_response(error: SluiceError) -> dict[str, object]:
    """The `error` member of a failed response."""
    code = error.code
    if code in _NAMELESS:
        code = {429: "rate_limit_exceeded", 400: "invalid_prompt"}.get(error.status, "server_error")
    return {"code": whole(code), "message": whole(str(error))}
