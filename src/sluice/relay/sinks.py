"""What becomes of a stream's frames: passed on as they came, written anew, or folded into one answer."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sluice.chat.events import Ended, Event, Reported, Started
from sluice.chat.fold import Fold
from sluice.dialects.dialect import Dialect, StreamEncoder
from sluice.wire.sse import Frame


class Sink(Protocol):
    """Frames and their events to the bytes for the client."""

    mirrors: bool
    """Passes on what it does not understand."""
    streams: bool
    """Bytes leave as they come; otherwise all of them leave at the end."""

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        """Return what this frame becomes, perhaps nothing. Never called with a frame that holds a failure."""
        ...


class Mirror:
    """The original bytes. With `hide_usage`, the frame that carries nothing but the usage that only Sluice asked
    for is left out."""

    mirrors = True
    streams = True
    __slots__ = ("_hide_usage",)

    def __init__(self, *, hide_usage: bool) -> None:
        self._hide_usage = hide_usage

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        if self._hide_usage and events and type(events[-1]) is Reported and not _more_than_usage(events):
            return b""
        return frame.raw


def _more_than_usage(events: Sequence[Event]) -> bool:
    """A provider that never names its model is heard to start with every frame, the usage's included."""
    return any(type(event) is not Reported and type(event) is not Started for event in events)


class Translate:
    """The same events in the client's dialect."""

    mirrors = False
    streams = True
    __slots__ = ("_encoder",)

    def __init__(self, encoder: StreamEncoder) -> None:
        self._encoder = encoder

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        return b"".join([self._encoder.encode(event) for event in events])


class Folded:
    """One whole answer in the client's dialect, once the stream is complete."""

    mirrors = False
    streams = False
    __slots__ = ("_dialect", "_fold")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._fold = Fold()

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        for event in events:
            self._fold.add(event)
        ended = bool(events) and type(events[-1]) is Ended
        return self._dialect.write_answer(self._fold.answer()) if ended else b""


def as_stream(encoder: StreamEncoder) -> Callable[[Sequence[Event]], bytes]:
    """Write the events of a whole answer as a stream, all at once."""
    return lambda events: b"".join([encoder.encode(event) for event in events])


def as_answer(dialect: Dialect) -> Callable[[Sequence[Event]], bytes]:
    """Write the events of a whole answer as one in another dialect."""

    def write(events: Sequence[Event]) -> bytes:
        fold = Fold()
        for event in events:
            fold.add(event)
        return dialect.write_answer(fold.answer())

    return write
