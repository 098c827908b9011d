"""What an error says about how its exchange ended. Obeys: stream-life section 1."""

from sluice.errors import (
    ClientError,
    Denied,
    GuardRejected,
    InBandFailure,
    Overloaded,
    PolicyUnavailable,
    RateLimited,
    Refused,
    SluiceError,
    TimedOut,
    Truncated,
    Unavailable,
    UpstreamError,
)
from sluice.relay.outcome import Outcome

ELSEWHERE = 300
"""From this status on, nobody works on what was asked."""
REFUSED = 400
"""Of an answer that crosses unread its status is all that tells, from here on."""


def outcome_of(error: SluiceError) -> Outcome:
    """How an exchange ended that ended with this error before an answer began."""
    if isinstance(error, GuardRejected) and not isinstance(error, Denied):
        return Outcome("blocked", error)
    if isinstance(error, RateLimited):
        return Outcome("limited", error)
    if isinstance(error, ClientError):
        return Outcome("rejected", error)
    if isinstance(error, PolicyUnavailable):
        return Outcome("blocked" if error.reason == "Guardrail" else "internal", error)  # the request may be right
    if isinstance(error, TimedOut):
        return Outcome("timeout", error)
    if isinstance(error, Truncated):
        return Outcome("upstream_truncated", error)
    if isinstance(error, UpstreamError):
        return Outcome("upstream_error", error)
    if isinstance(error, Unavailable):
        return Outcome("shed" if isinstance(error, Overloaded) else "drained", error)
    return Outcome("internal", error)


def word_of(error: SluiceError | None) -> str:
    """What became of an attempt, in a word: the provider's status, or the code of what happened instead of one."""
    if error is None:
        return "abandoned"
    return str(error.status) if isinstance(error, Refused | InBandFailure) else error.code


def may_go_on(error: SluiceError) -> bool:
    """Whether a target that has the request may work on it after an attempt that failed so: it has not said no."""
    return isinstance(error, TimedOut) or (isinstance(error, Truncated) and not error.stale)


def passed_on(outcome: Outcome, status: int) -> Outcome:
    """How an exchange ended whose answer has crossed, with the status that its backend gave it: a refusal may be
    complete, and is one all the same."""
    if outcome.kind != "completed" or status < REFUSED:
        return outcome
    return Outcome("upstream_error", Refused(f"the backend answered with status {status}", status=status))
