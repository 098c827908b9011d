"""This server, or who runs it, is to blame."""

from typing import Literal

from sluice.errors.base import SluiceError


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
    """A service that a policy has to ask failed, and the policy fails closed. `reason` says which policy; `detail` what
    the log says besides: clients learn nothing of what is behind us."""

    code = "policy_unavailable"

    def __init__(self, message: str, *, reason: str, status: int = 503, detail: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.detail = detail
        self.status = status


class GaveUp(Unavailable):
    """A call of an agent took longer than it may."""

    status = 504
    code = "timeout"
    retryable = True


class StoreFailed(Unavailable):
    """A store of runs could not be read or written."""

    code = "store_failed"
    reason = "Store"


class RunLimit(SluiceError):
    """An agent went further than one run may: `code` is `recursion` or `too_large`."""

    fault = "operator"
    reason = "RunLimit"

    def __init__(self, message: str, *, code: Literal["recursion", "too_large"]) -> None:
        super().__init__(message)
        self.code = code


class Internal(SluiceError):
    """Our own fault. The message says nothing of the cause: that is in the server's log."""


class CallbackFailed(SluiceError):
    """The handler of a button failed."""

    code = "callback_failed"


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
