"""Whether a failure that the client has not seen is a reason to ask another target."""

from sluice.errors import InBandFailure, SluiceError

_THE_CLIENTS = frozenset([400, 401, 403, 404, 413, 422])
"""Statuses that say that the request is wrong: no other target would say otherwise (stream-life 10.2)."""


def may_try_another(error: SluiceError) -> bool:
    """Return whether another target may succeed, provided that nothing was sent to the client yet."""
    if isinstance(error, InBandFailure) and error.status in _THE_CLIENTS:
        return False
    return error.retryable
