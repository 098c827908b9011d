"""The root of the tree."""

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
    detail: str = ""
    """What the log says besides, and no client."""
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
