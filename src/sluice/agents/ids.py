"""Identifiers that sort by the time they were made: UUID version 7 (RFC 9562, section 5.7)."""

import secrets
import time
from uuid import UUID

_RANDOM_BITS = 74
_last = 0
"""The newest one's milliseconds and random bits: within one millisecond the next is a little larger (section 6.2,
method 2), so that those of one process sort in the order in which they were made."""


def uuid7() -> str:
    """Return a new one, in its usual text."""
    global _last  # the order is the process's
    fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    if fresh >> _RANDOM_BITS <= _last >> _RANDOM_BITS:
        fresh = _last + 1 + secrets.randbits(32)
    _last = fresh
    milliseconds, chance = fresh >> _RANDOM_BITS, fresh & ((1 << _RANDOM_BITS) - 1)
    high, low = chance >> 62, chance & ((1 << 62) - 1)
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))


def name(kind: str) -> str:
    """Return a new identifier that says what it names: `msg-0199…`."""
    return f"{kind}-{uuid7()}"
