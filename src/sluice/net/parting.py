"""The end of a client's connection: what was written for the client leaves first, if the client takes any of it."""

import asyncio
from collections.abc import Callable

from sluice.net.backlog import unacknowledged

CLOSE_S = 60.0
"""How long a client may take nothing of what is buffered for it at the end, before it is cut."""
LINGER_S = 2.0
"""How long a refused client may go on sending before it is cut: closing at once would destroy the answer on its
way (RFC 9112, 9.6)."""


class Parting:
    """What is returned as a deadline is a monotonic second: then look whether the client `stalls`."""

    __slots__ = ("_clock", "_left", "_transport")

    def __init__(self, transport: asyncio.Transport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._left: int | None = None
        """What was unread when it was looked at last."""

    def unread(self) -> int:
        """Return how many bytes the client's machine has not acknowledged. A system call."""
        return self._transport.get_write_buffer_size() + unacknowledged(self._transport)

    def watch(self) -> float:
        """See to it from now on that the buffer drains. Return the deadline."""
        self._left = self.unread() if self._transport.get_write_buffer_size() else 0
        return self._clock() + CLOSE_S

    @property
    def watched(self) -> bool:
        return self._left is not None

    def forget(self) -> None:
        """The connection goes on."""
        self._left = None

    def stalls(self) -> bool:
        """Whether the client took nothing since the last look."""
        return self._left is None or self.unread() >= self._left

    def close(self) -> float:
        """Close once what is buffered has left. Return the deadline."""
        deadline = self.watch()
        self._transport.close()
        return deadline

    def linger(self) -> float:
        """Say that nothing more comes, and let the client say the same. Return when it is cut."""
        if self._transport.can_write_eof():
            self._transport.write_eof()
        return self._clock() + LINGER_S
