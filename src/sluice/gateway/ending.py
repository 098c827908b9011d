"""What an error says about how its exchange ended. Obeys: stream-life section 1."""

from sluice.errors import (
    ClientError,
    Denied,
    GuardRejected,
    Overloaded,
    PolicyUnavailable,
    RateLimited,
    SluiceError,
    TimedOut,
    Truncated,
    Unavailable,
    UpstreamError,
)
from sluice.relay.outcome import Outcome


def outcome_of(error: SluiceError) -> Outcome:
    """How an exchange ended that ended with this error before an answer began."""
    if isinstance(error, GuardRejected) and not isinstance(error, Denied):
        return Outcome("blocked", error)
    if isinstance(error, RateLimited):
        return Outcome("limited", error)
    if isinstance(error, ClientError):
        return Outcome("rejected", error)
    if isinstance(error, PolicyUnavailable):
        return Outcome("blocked" if error.reason == "Guardrail" else "rejected", error)
    if isinstance(error, TimedOut):
        return Outcome("timeout", error)
    if isinstance(error, Truncated):
        return Outcome("upstream_truncated", error)
    if isinstance(error, UpstreamError):
        return Outcome("upstream_error", error)
    if isinstance(error, Unavailable):
        return Outcome("shed" if isinstance(error, Overloaded) else "drained", error)
    return Outcome("internal", error)
