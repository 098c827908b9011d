"""What a record says in sentences, as words of closed sets: the clock that ran out, the attempts that were given up.

Pure. Both views use it, so that the log and the metrics cannot disagree.
"""

import re
from collections.abc import Mapping
from typing import Final, get_args

from sluice.errors import Phase, TimedOut
from sluice.relay.record import UNKNOWN, ExchangeRecord

_BY_CODE: Final[Mapping[str, str]] = {TimedOut(phase).code: phase for phase in get_args(Phase)}
_BY_SENTENCE: Final[Mapping[str, str]] = {str(TimedOut(phase)): phase for phase in get_args(Phase)}
"""Each clock has its own. The record has no code of an only attempt; of several, the sentence may name them all."""

_attempt = re.compile(r"(.+?);([a-z0-9_]+)(?:, |$)").finditer
"""Of `first;429, second;200`. Names are the operator's and may hold anything; results are statuses and codes."""


def timeout_phase(record: ExchangeRecord) -> str:
    """Return the clock that ended the exchange: `connect`, `headers`, `first_token`, `idle`, `total`; empty if none
    did, `unknown` if one did and the record does not say which."""
    if record.outcome != "timeout":
        return ""
    attempts = _attempts(record)
    return _BY_CODE.get(attempts[-1][1], UNKNOWN) if attempts else _BY_SENTENCE.get(record.error, UNKNOWN)


def abandoned(record: ExchangeRecord) -> list[tuple[str, str]]:
    """Return the attempts that another one followed, unseen by the client: each its target's name, and the status or
    the error's code. The last attempt is not among them: it is what the exchange itself ended with."""
    return _attempts(record)[:-1]


def _attempts(record: ExchangeRecord) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in _attempt(record.tried)]
