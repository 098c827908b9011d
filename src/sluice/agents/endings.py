"""How a run ends, and what its viewers learn of an error."""

import msgspec

from sluice.agents.interrupts import InterruptCancelled, Interrupted
from sluice.errors import GuardRejected, RateLimited, SluiceError, UpstreamError
from sluice.runs.events import Event, Outcome, RunFailed, RunFinished
from sluice.runs.records import RunError, RunStatus

STATUS: dict[Outcome, RunStatus] = {
    "success": "success",
    "interrupt": "interrupted",
    "cancelled": "cancelled",
    "timeout": "timeout",
}
_CODES: tuple[tuple[type[SluiceError], str], ...] = (
    (GuardRejected, "guard"),
    (RateLimited, "rate_limited"),
    (UpstreamError, "upstream"),
)


class OutOfTime(Exception):
    """A time that is not the run's own ran out, as `agents.middleware.timeout` has it. `str(error)` is for people."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ends: an outcome, or an error."""

    outcome: Outcome = "success"
    reason: str = ""
    message: str = ""
    error: RunError | None = None
    unforeseen: bool = False
    """Whether the error is one that somebody should look at."""
    handover: bool = False
    """It does not end: another worker takes it up."""

    @property
    def status(self) -> RunStatus:
        """What the record says."""
        return "error" if self.error is not None else STATUS[self.outcome]


def ending_of(error: BaseException) -> Ending:
    """Return how a handler ends that raised this."""
    if _holds(error, Interrupted):
        return Ending(outcome="interrupt")
    if _holds(error, InterruptCancelled):
        return Ending(outcome="cancelled", reason="the question was not answered")
    if isinstance(error, OutOfTime):
        return Ending(outcome="timeout", reason="total", message=str(error))
    told = error_of(error)
    return Ending(error=told, unforeseen=not isinstance(error, SluiceError))


def ending_in(event: Event) -> Ending:
    """Return how a run ended whose terminal event this is."""
    if isinstance(event, RunFailed):
        told = RunError(code=event.code, message=event.message, retryable=event.retryable, status=event.status)
        return Ending(error=told)
    assert isinstance(event, RunFinished)
    return Ending(outcome=event.outcome, reason=event.reason, message=event.message)


def error_of(error: BaseException) -> RunError:
    """Return what viewers learn: ours say what they are; of a handler's own, only that there was one."""
    if isinstance(error, SluiceError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), error.code)
        return RunError(code=code, message=str(error), retryable=error.retryable, status=error.status)
    return RunError(code="error", message=f"the agent failed: {type(error).__name__}")


def _holds(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether it is one of that kind, or a task group raised one."""
    if isinstance(error, BaseExceptionGroup):
        return any(_holds(one, kind) for one in error.exceptions)
    return isinstance(error, kind)
