"""The request was wrong; nothing was sent to a provider."""

from sluice.errors.base import SluiceError


class ClientError(SluiceError):
    status = 400
    code = "invalid_request"
    type = "invalid_request_error"
    fault = "client"
    reason = "InvalidRequest"


class BadRequest(ClientError):
    """The body does not say what the dialect requires."""

    code = "invalid_request_body"


class BadHttp(ClientError):
    """The bytes are not HTTP/1.1 that we accept (RFC 9112); the connection cannot be used any further."""

    code = "invalid_http"


class Unauthenticated(ClientError):
    """Nobody is named, or who is named is not proven. `reason` says by which policy."""

    status = 401
    code = "unauthenticated"
    type = "authentication_error"

    def __init__(self, message: str, *, reason: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.headers = headers


class Forbidden(ClientError):
    """Who asks is known, and may not."""

    status = 403
    code = "forbidden"
    type = "permission_error"
    reason = "Authorization"


class RouteNotFound(ClientError):
    status = 404
    code = "route_not_found"
    reason = "NotFound"


class ModelNotFound(ClientError):
    status = 404
    code = "model_not_found"
    reason = "NotFound"


class NotFound(ClientError):
    """A thread, a run, an agent or an item that is not there, or belongs to another: nobody can tell which."""

    status = 404
    code = "not_found"
    reason = "NotFound"


class MethodNotAllowed(ClientError):
    """A chat address was asked with something else than POST, which `allow` names (RFC 9110, 15.5.6)."""

    status = 405
    code = "method_not_allowed"
    headers = ((b"allow", b"POST"),)


class RequestTimeout(ClientError):
    status = 408
    code = "request_timeout"
    reason = "Timeout"


class Conflict(ClientError):
    """It cannot be done as things stand: the thread is busy, or the same request id came with another body."""

    status = 409
    code = "conflict"
    reason = "Conflict"


class BodyTooLarge(ClientError):
    status = 413
    code = "request_body_too_large"


class UnsupportedMedia(ClientError):
    status = 415
    code = "unsupported_media_type"


class CallbackRefused(ClientError):
    """The handler of a button says that it cannot do what was asked."""

    status = 422
    code = "callback_refused"
    reason = "Callback"


class RateLimited(ClientError):
    """A limit is reached. `headers` say which, and `retry_after_s` when to come back."""

    status = 429
    code = "rate_limit_exceeded"
    type = "rate_limit_error"
    reason = "RateLimit"

    def __init__(
        self,
        message: str = "rate limit exceeded",
        *,
        retry_after_s: int | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.headers = headers


class BudgetExceeded(RateLimited):
    """What a period may cost is spent, or would be."""

    code = "budget_exceeded"


class GuardRejected(ClientError):
    """A guard refused what was asked, or what was answered before any of it was sent.

    `body` is what the operator configured: it is the whole body, verbatim. None = the message in the client's dialect.
    """

    status = 403
    code = "guardrail_rejected"
    type = "permission_error"
    reason = "Guardrail"

    def __init__(
        self,
        message: str,
        *,
        status: int = 403,
        body: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.headers = headers


class Denied(GuardRejected):
    """An external authorization said no: its status, headers and body are the answer."""

    code = "external_authorization_denied"
    reason = "ExtAuth"


class HeadTooLarge(ClientError):
    status = 431
    code = "request_head_too_large"
