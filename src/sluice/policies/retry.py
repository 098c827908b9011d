"""How often one request may be put to targets, and when the next attempt is due.

Guarantee: nothing is ever tried again once a token was sent. Source: Gateway API GEP-1731 (read 2026-11-21),
stream-life sections 5 and 10.2.
"""

from typing import Final

import msgspec

JITTER: Final = 0.5
"""Of the backoff, added at random at most."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """Of one route."""

    attempts: int | None = None
    """Further attempts after the first, whichever target they go to; None = each target once."""
    backoff_s: float = 0.025
    """At least this long before a target is asked again; up to half as much is added at random."""
    codes: frozenset[int] = frozenset()
    """Statuses after which a target may be asked again; empty = 408, 429 and 5xx. A failure without a status, such as
    a refused connection, always may."""
    condition: str = ""
    """A CEL expression over `response`; if given, only an attempt for which it holds is followed by another."""
    precondition: str = ""
    """A CEL expression over the request; if given, only a request for which it holds is tried again."""


def may_repeat(retry: Retry, status: int | None) -> bool:
    """Return whether a target may be asked again after this status; None = the attempt failed without one."""
    if status is None:
        return True
    return status in retry.codes if retry.codes else status in (408, 429) or 500 <= status <= 599


def backoff_s(retry: Retry, die: float) -> float:
    """Return how long to wait before a target is asked again, `die` in [0, 1): 1 to 1.5 times the backoff.

    Some chance, so that requests that failed together do not come back together. Only upwards: the backoff is what the
    operator, and Gateway API, promise at the least. By half and no more, since the number of retries that fit into a
    time-out is what users see: labs A023 documents 3 in 100 ms at 25 ms and 7 in 2 s at 200 ms (read 2026-11-21). The
    mean of 1.25 gives 3 and 8 before the time that the attempts themselves take; twice the backoff would give 2 and 6.
    It does not grow from attempt to attempt: compat 1.9 has it fixed.
    """
    return retry.backoff_s * (1.0 + JITTER * die)
