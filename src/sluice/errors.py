"""The error tree. Each error knows its HTTP status, its code, whose fault it is, and whether another may be tried.

    SluiceError
    ├── ClientError                 the request was wrong; nothing was sent to a provider
    │   ├── BadRequest          400 names the place in the body
    │   ├── BadHttp             400 the bytes are not HTTP that we accept; the connection is closed
    │   ├── Unauthenticated     401 who asks is not known
    │   ├── Forbidden           403 who asks may not
    │   ├── RouteNotFound       404
    │   ├── ModelNotFound       404
    │   ├── MethodNotAllowed    405
    │   ├── RequestTimeout      408 the client did not send its request in time
    │   ├── BodyTooLarge        413
    │   ├── UnsupportedMedia    415
    │   ├── RateLimited         429 a limit is reached; says when to come back
    │   │   └── BudgetExceeded  429 the money or the tokens of a period are spent
    │   ├── HeadTooLarge        431
    │   └── GuardRejected       403 (or as configured) a guard refused what was asked or answered
    ├── UpstreamError               the provider, or the way to it, failed
    │   ├── Unreachable         503 DNS, connect or TLS failed: nothing was sent
    │   ├── NoBackend           503 the route has no backend that can be used
    │   ├── Refused             as sent: a non-2xx answer that is passed on
    │   ├── InBandFailure       502 (or mapped) the provider reported an error inside a 200
    │   ├── Truncated           502 the answer ended without the dialect's terminal evidence
    │   ├── ProtocolError       502 bytes or events that the protocol does not allow
    │   │   └── FrameTooLarge   502 one event exceeds its limit
    │   └── TimedOut            504 one of the five clocks ran out
    ├── Unavailable             503 this server cannot take or finish the exchange (draining)
    │   ├── Overloaded          503 admission control refused it: come back later
    │   └── PolicyUnavailable   503 a service that a policy asks did not answer, and the policy fails closed
    ├── Internal                500 our own fault
    └── ConfigError                 the configuration is refused; names file, line, path and gives a hint

Every layer translates the tree below it once: wire raises ProtocolError, a dialect raises BadRequest or InBandFailure,
the network raises Unreachable and TimedOut. This module imports nothing of Sluice and is importable everywhere.
"""

from typing import Literal

Fault = Literal["client", "provider", "gateway", "operator"]
Phase = Literal["connect", "headers", "first_token", "idle", "total"]


class SluiceError(Exception):
    """The root. `str(error)` is a sentence fit for the client: it never holds a secret or a prompt."""

    status: int = 500
    code: str = "internal_error"
    type: str = "api_error"
    """The error class in OpenAI's vocabulary; other dialects map from `status`."""
    fault: Fault = "gateway"
    retryable: bool = False
    """Whether another target may succeed, provided that nothing was sent to the client yet."""
    reason: str = "Internal"
    """The word in the access log and in the label `reason` of the HTTP metrics."""
    retry_after_s: int | None = None
    """When to come back, as the header `Retry-After` says it."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Headers that belong on the answer which says this error."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        """The place in the request body that is wrong, as a JSON path without the leading `$.`."""

    def let_go(self) -> None:
        """Forget where it was raised: frames hold what failed, which holds its error, and only the collector would
        find them."""
        self.__traceback__ = self.__cause__ = self.__context__ = None


# -- the client's -----------------------------------------------------------------------------------------------------


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


class MethodNotAllowed(ClientError):
    status = 405
    code = "method_not_allowed"


class RequestTimeout(ClientError):
    status = 408
    code = "request_timeout"
    reason = "Timeout"


class BodyTooLarge(ClientError):
    status = 413
    code = "request_body_too_large"


class UnsupportedMedia(ClientError):
    status = 415
    code = "unsupported_media_type"


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


class HeadTooLarge(ClientError):
    status = 431
    code = "request_head_too_large"


# -- the provider's ---------------------------------------------------------------------------------------------------


class UpstreamError(SluiceError):
    status = 502
    code = "upstream_error"
    fault: Fault = "provider"
    retryable = True
    reason = "UpstreamFailure"


class Unreachable(UpstreamError):
    """No connection to the provider: DNS, connect or TLS failed, and nothing was sent."""

    status = 503
    code = "upstream_unreachable"


class NoBackend(UpstreamError):
    """The route leads nowhere: no backend, weight zero everywhere, or a reference that did not resolve."""

    status = 503
    code = "no_backend"
    fault: Fault = "operator"
    retryable = False
    reason = "NoHealthyBackend"


class Refused(UpstreamError):
    """The provider answered with a status other than 2xx. Status and body are passed on in the client's dialect."""

    code = "upstream_refused"
    reason = "Upstream"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's name in every dialect
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or self.code
        self.type = type or self.type
        self.retryable = status in (408, 429) or status >= 500


class InBandFailure(UpstreamError):
    """The provider reported a failure inside an answer whose status said 200."""

    code = "upstream_in_band_error"

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the field's name in every dialect
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or self.code
        self.type = type or self.type


class Truncated(UpstreamError):
    """The answer ended without the terminal evidence of its dialect."""

    code = "upstream_truncated"


class ProtocolError(UpstreamError):
    """The provider broke a protocol: HTTP framing, server-sent events, or the legal order of events."""

    code = "upstream_protocol_error"


class FrameTooLarge(ProtocolError):
    """One event of the provider exceeds `max_event_bytes`; memory stays bounded and the stream ends."""

    code = "upstream_event_too_large"


class TimedOut(UpstreamError):
    """One of the five clocks ran out. `phase` says which."""

    status = 504
    reason = "Timeout"

    def __init__(self, phase: Phase) -> None:
        super().__init__(_TIMEOUT_MESSAGE[phase])
        self.phase: Phase = phase
        self.code = f"timeout_{phase}"


_TIMEOUT_MESSAGE: dict[Phase, str] = {
    "connect": "the provider could not be connected to in time",
    "headers": "the provider did not answer in time",
    "first_token": "the provider did not send its first token in time",
    "idle": "the provider fell silent in the middle of its answer",
    "total": "request timeout",
}


# -- ours -------------------------------------------------------------------------------------------------------------


class Unavailable(SluiceError):
    """This server cannot take the exchange, or cannot finish it."""

    status = 503
    code = "unavailable"
    reason = "Draining"


class Overloaded(Unavailable):
    """Admission control refused the exchange, or ended it: there is more work than this server takes."""

    code = "overloaded"
    reason = "Overloaded"
    retry_after_s = 1


class PolicyUnavailable(Unavailable):
    """A service that a policy has to ask failed, and the policy fails closed. `reason` says which policy."""

    code = "policy_unavailable"

    def __init__(self, message: str, *, reason: str, status: int = 503) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


class Internal(SluiceError):
    """Our own fault. The message says nothing of the cause: that is in the server's log."""


class ConfigError(SluiceError):
    """The configuration is refused as a whole and the running one, if any, stays.

    `str(error)` is one line per place: `file:line: path: what is wrong. hint`.
    """

    code = "invalid_configuration"
    fault = "operator"

    def __init__(self, message: str, *, file: str = "", line: int = 0, path: str = "", hint: str = "") -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        where = f"{path}: " if path else ""
        super().__init__(f"{place}{where}{message}{f' ({hint})' if hint else ''}")
        self.message, self.file, self.line, self.path, self.hint = message, file, line, path, hint
