"""A client that does not read: how long it may go on so.

Guarantee: whoever takes at least one byte within the time is no slow reader, however slowly it reads; whoever takes
none is given up after the time, or a quarter more. What counts is what its machine has acknowledged: our own buffer may
stand still for minutes while the kernel's drains.
"""

from sluice.gateway.ports import ClientStream

LOOKS = 4
"""In each time. With one only, the few bytes that two kernels still move after the client has stopped would double it.
"""


class SlowReader:
    """The watch over a client for which more waits than its high-water mark. Ask `given_up` at `deadline`."""

    __slots__ = ("_client", "_since", "_unread", "deadline", "timeout_s")

    def __init__(self, timeout_s: float, client: ClientStream, now: float) -> None:
        self.timeout_s = timeout_s
        self.deadline = now + timeout_s / LOOKS
        """Monotonic second."""
        self._client = client
        self._unread = client.unread()
        self._since = now
        """When it was last seen to have taken something."""

    def given_up(self, now: float) -> bool:
        """Return whether the client took nothing in all the time; if it took something, its time begins anew."""
        if now < self.deadline:
            return False
        unread = self._client.unread()
        if unread < self._unread:
            self._since = now
        elif now >= self._since + self.timeout_s:
            return True
        self._unread = unread
        self.deadline = min(now + self.timeout_s / LOOKS, self._since + self.timeout_s)
        return False
