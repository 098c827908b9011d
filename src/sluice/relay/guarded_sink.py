"""The guard in front of a sink: what becomes of frames whose events are looked at."""

from collections.abc import Sequence

from sluice.chat.events import Event
from sluice.errors import SluiceError
from sluice.relay.guard import Guard
from sluice.relay.sinks import Sink
from sluice.wire.sse import Frame

_NO_FRAME = Frame(b"", None)


class Guarded:
    """What the guard lets through, as the sink behind it writes it. `now` is the second of what is taken next."""

    mirrors = False
    __slots__ = ("_guard", "_sink", "now", "streams")

    def __init__(self, guard: Guard, sink: Sink) -> None:
        """`sink` makes bytes of events; one that passes on a provider's own bytes cannot be guarded."""
        assert not sink.mirrors
        self._guard = guard
        self._sink = sink
        self.streams = sink.streams
        self.now = 0.0

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        """See `Sink`.

        Raises:
            Blocked: a guard ends the answer; what may be seen was not written.
        """
        return self._sink.take(frame, self._guard.take(events, self.now))

    def write(self, events: Sequence[Event]) -> bytes:
        """Write what the guard has let through without a frame."""
        return self._sink.take(_NO_FRAME, events)

    def fail(self, error: SluiceError) -> bytes:
        return self._sink.fail(error)
