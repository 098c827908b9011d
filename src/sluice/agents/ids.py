"""Identifiers that sort by the time they were made: UUID version 7 (RFC 9562, section 5.7)."""

import secrets
import time
from uuid import UUID


def uuid7() -> str:
    """Return a new one, in its usual text."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def name(kind: str) -> str:
    """Return a new identifier that says what it names: `msg-0199…`."""
    return f"{kind}-{uuid7()}"
