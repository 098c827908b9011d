"""What becomes of a stream's frames: passed on as they came, written anew, or folded into one answer."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sluice.chat.events import Ended, Event, Failed, Reported, Started, Unrecognised
from sluice.chat.fold import Fold
from sluice.chat.request import ChatRequest
from sluice.dialects.dialect import Dialect, StreamDecoder, StreamEncoder
from sluice.errors import SluiceError
from sluice.wire.sse import Frame

NAMELESS = Started("", "")
_SPOILT_USAGE = Unrecognised("chunk:usage")


class Sink(Protocol):
    """Frames and their events to the bytes for the client."""

    mirrors: bool
    """Passes on what it does not understand."""
    streams: bool
    """Bytes leave as they come; otherwise all of them leave at the end."""

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        """Return what this frame becomes, perhaps nothing. Never called with a frame that holds a failure."""
        ...

    def fail(self, error: SluiceError) -> bytes:
        """Return the error as one whole event that may follow what was taken; nothing may follow it."""
        ...


class Mirror:
    """The original bytes. With `hide_usage`, the frame that carries nothing but the usage that only Sluice asked
    for is left out."""

    mirrors = True
    streams = True
    __slots__ = ("_decoder", "_hide_usage")

    def __init__(self, decoder: StreamDecoder, *, hide_usage: bool) -> None:
        """`decoder` is the one that reads the frames: it knows what may follow them."""
        self._decoder = decoder
        self._hide_usage = hide_usage

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        if self._hide_usage and events and _of_usage(events[-1]) and self._decoder.only_usage(frame):
            return b""
        return frame.raw

    def fail(self, error: SluiceError) -> bytes:
        return self._decoder.failure(error)


def _of_usage(event: Event) -> bool:
    """Also where nothing of it can be read."""
    return type(event) is Reported or event == _SPOILT_USAGE


class Translate:
    """The same events in the client's dialect."""

    mirrors = False
    streams = True
    __slots__ = ("_encoder", "_opening")

    def __init__(self, encoder: StreamEncoder, opening: Started = NAMELESS) -> None:
        """`opening` is what the answer is called as far as the provider does not say: some never do."""
        self._encoder = encoder
        self._opening: Started | None = opening

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        if self._opening is not None and events:
            events, self._opening = opened(events, self._opening), None
        if len(events) == 1:
            return self._encoder.encode(events[0])
        return b"".join([self._encoder.encode(event) for event in events])

    def fail(self, error: SluiceError) -> bytes:
        return self._encoder.encode(Failed(error))


class Folded:
    """One whole answer in the client's dialect, once the stream is complete."""

    mirrors = False
    streams = False
    __slots__ = ("_dialect", "_fold", "_request")

    def __init__(self, dialect: Dialect, request: ChatRequest, opening: Started = NAMELESS) -> None:
        self._dialect = dialect
        self._request = request
        self._fold = Fold()
        self._fold.add(opening)

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        for event in events:
            self._fold.add(event)
        ended = bool(events) and type(events[-1]) is Ended
        return self._dialect.write_answer(self._fold.answer(), self._request) if ended else b""

    def fail(self, error: SluiceError) -> bytes:
        return self._dialect.write_error(error)


class Nobody:
    """The client has left: nothing becomes of anything."""

    mirrors = True
    streams = True
    __slots__ = ()

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        return b""

    def fail(self, error: SluiceError) -> bytes:
        return b""


NOBODY = Nobody()


def as_stream(encoder: StreamEncoder, opening: Started = NAMELESS) -> Callable[[Sequence[Event]], bytes]:
    """Write the events of a whole answer as a stream, all at once."""
    return lambda events: b"".join([encoder.encode(event) for event in opened(events, opening)])


def as_answer(
    dialect: Dialect, request: ChatRequest, opening: Started = NAMELESS
) -> Callable[[Sequence[Event]], bytes]:
    """Write the events of a whole answer as one in another dialect."""

    def write(events: Sequence[Event]) -> bytes:
        fold = Fold()
        for event in opened(events, opening):
            fold.add(event)
        return dialect.write_answer(fold.answer(), request)

    return write


def opened(events: Sequence[Event], opening: Started) -> Sequence[Event]:
    """The first events of an answer, named: by the provider as far as it says so, else by `opening`."""
    first = events[0]
    if type(first) is not Started:
        return events if opening is NAMELESS else [opening, *events]
    named = Started(first.id or opening.id, first.model or opening.model, first.created or opening.created)
    return [named, *events[1:]]
