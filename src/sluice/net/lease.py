"""One answer of a provider's connection, on loan to whoever asked.

When an answer's framing has ended its connection may serve somebody else at once. Whoever closes late, or pauses late,
must not reach that: a lease is good for its own answer only.
"""

from sluice.gateway.ports import BodyReceiver
from sluice.net.upstream import UpstreamConnection


class Lease:
    """Implements `gateway.ports.UpstreamStream`. `connect_s`: see there."""

    __slots__ = ("_connection", "_turn", "connect_s", "head")

    def __init__(self, connection: UpstreamConnection, connect_s: float | None) -> None:
        self._connection = connection
        self._turn = connection.turn
        self.head = connection.head
        self.connect_s = connect_s

    def attach(self, receiver: BodyReceiver) -> None:
        self._connection.attach(receiver)  # nothing ends before its receiver is there

    @property
    def in_line(self) -> bool:
        return self._connection.turn == self._turn and self._connection.in_line

    def pause(self) -> None:
        if self._connection.turn == self._turn:
            self._connection.pause()

    def resume(self) -> None:
        if self._connection.turn == self._turn:
            self._connection.resume()

    def close(self, *, complete: bool) -> None:
        if self._connection.turn == self._turn:
            self._connection.close(complete=complete)
