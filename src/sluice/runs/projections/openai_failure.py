"""The end of a run that is no answer, in OpenAI's words: what both of its protocols say in place of success.

Source: platform.openai.com/docs/guides/error-codes, read 2026-11-21.
"""

from collections.abc import Mapping

import msgspec

from sluice.runs.events import Event, RunFailed, RunFinished

_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class Failure(msgspec.Struct, frozen=True):
    """Why there is no whole answer. `status` is what a client gets that waited for all of it."""

    status: int
    code: str
    message: str
    retryable: bool = False

    @property
    def type(self) -> str:
        """The class of the error."""
        return _TYPES.get(self.status, "api_error" if self.status >= 500 else "invalid_request_error")

    def body(self) -> dict[str, object]:
        """Return the error object: of a whole body, and of a chunk in a stream."""
        return {"error": {"message": self.message, "type": self.type, "param": None, "code": self.code}}


def failure_of(event: Event) -> Failure | None:
    """Return what a terminal event says against the answer; None if it says nothing against it.

    A cancelled run is a conflict, not a server's fault: clients repeat what failed with 5xx by themselves, and nobody
    wants a cancelled run again.
    """
    match event:
        case RunFailed():
            return Failure(event.status, event.code, event.message, event.retryable)
        case RunFinished(outcome="timeout"):
            return Failure(504, "timeout", event.message or "the run was out of time")
        case RunFinished(outcome="cancelled"):
            return Failure(409, "cancelled", f"the run was cancelled: {event.reason or 'by request'}")
    return None
