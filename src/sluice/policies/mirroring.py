"""Copies of requests that go to another backend as well, to see how it would do.

Guarantee: a copy neither delays nor fails the request that it is of, its answer is thrown away, and there are never
more than `MAX_AT_ONCE` of them under way: one more is dropped and counted.
Obeys: Gateway API 1.4, HTTPRequestMirrorFilter (read 2026-11-21).
"""

from typing import Final, Generic, Literal, TypeVar

import msgspec

B = TypeVar("B")

MAX_AT_ONCE: Final = 256
"""Copies of the whole process. A slow mirror would otherwise hold the bodies of any number of requests in memory."""
MAX_BYTES: Final = 64 << 20
"""Of the bodies of the copies under way."""
MAX_TIME_S: Final = 600.0
"""A copy that takes longer is given up."""
MAX_ANSWER_BYTES: Final = 32 << 20
"""Of an answer that is read, so that the connection can be used again; beyond it the connection is closed."""

Result = Literal["sent", "failed", "dropped"]
"""The label of the counter. `sent`: answered, with whatever status."""


class Mirror(msgspec.Struct, Generic[B], frozen=True, kw_only=True):
    """One copy's way. `backend` is the Plan's word for it."""

    backend: B
    share: float = 1.0
    """Of the requests, in [0, 1]."""


def fires(share: float, die: float) -> bool:
    """Return whether this request is copied, `die` in [0, 1)."""
    return die < share


class Room:
    """Count the copies under way. Everyone who entered owes one `leave` with the same number of bytes."""

    __slots__ = ("_bytes", "running")

    def __init__(self) -> None:
        self.running = 0
        self._bytes = 0

    def enter(self, size: int) -> bool:
        """Return whether there is room for one more copy with a body of `size` bytes. An empty room takes any."""
        if self.running >= MAX_AT_ONCE or (self.running and self._bytes + size > MAX_BYTES):
            return False
        self.running += 1
        self._bytes += size
        return True

    def leave(self, size: int) -> None:
        self.running -= 1
        self._bytes -= size
