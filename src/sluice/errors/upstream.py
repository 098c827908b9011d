"""The provider, or the way to it, failed."""

from sluice.errors.base import Fault, Phase, SluiceError


class UpstreamError(SluiceError):
    status = 502
    code = "upstream_error"
    fault: Fault = "provider"
    retryable = True
    reason = "UpstreamFailure"
    guarded = False
    """The guards of the answer have looked at what it says of the provider."""


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
    stale = False
    """It ended before its first byte, on a connection that had rested: that says more of the connection than of the
    provider."""


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
