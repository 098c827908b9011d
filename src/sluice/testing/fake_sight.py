"""What the fake provider saw: of each request, and of each connection. Values for those who ask, and what makes them.

All seconds are `time.monotonic()`'s, which every process of a machine shares on Linux.
"""

from collections import deque
from collections.abc import Iterator
from typing import Literal

import msgspec

Ended = Literal["open", "finished", "cut", "gone"]
"""Under way; played to its end; ended early because a script or a fault said so; left by the client."""
Closed = Literal["fin", "rst", "fake"]
"""The client closed, or reset it; or the fake did."""

MAX_SIGHTS = 16_384
"""Requests that are remembered; the oldest are forgotten first. Also connections."""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and what became of its answer."""

    tag: str
    """Of the fault that it was answered with."""
    dialect: str
    """chat, responses, messages, gemini or converse; of an unknown address, whose errors it gives."""
    path: str
    model: str
    """That was asked for; empty = none was named."""
    stream: bool
    """A stream was asked for."""
    connection: int
    """The number of its connection, from 1."""
    began_s: float
    """The request's first byte."""
    head_sent_s: float | None = None
    """The answer's head. None = it never left."""
    ended: Ended = "open"
    ended_s: float | None = None
    """Finished or cut: the last byte was handed over, or the cut was made. Gone: the socket heard FIN or RST."""
    body_bytes: int = 0
    """Of the answer, handed to the transport; without HTTP's framing."""
    events: int = 0
    """Of the answer, whole; an answer in one piece is one."""
    read_bytes: int
    """Of the request, its head included. What a client sends ahead counts for the request before it."""


class ConnectionSight(msgspec.Struct, frozen=True, kw_only=True):
    """One connection of a client."""

    connection: int
    peer: str
    """`address:port` of the client."""
    opened_s: float
    requests: int
    """Whose head was read."""
    read_bytes: int
    written_bytes: int
    """Heads and framing included; of raw scripts nothing."""
    closed: Closed | None
    """None = it is open."""
    closed_s: float | None
    """When the socket heard FIN or RST, or the fake closed it."""


class Watch:
    """One request while it is under way. Who plays the answer writes its numbers here."""

    __slots__ = ("_ended", "_ended_s", "body_bytes", "events", "head_sent_s", "what")

    def __init__(self, what: Sight) -> None:
        self.what = what
        """What is known from the start."""
        self.head_sent_s: float | None = None
        self.body_bytes = 0
        self.events = 0
        self._ended: Ended = "open"
        self._ended_s: float | None = None

    def end(self, how: Ended, now: float) -> None:
        """Take note of the end. The first one counts."""
        if self._ended == "open":
            self._ended, self._ended_s = how, now

    @property
    def sight(self) -> Sight:
        """What is known now."""
        return msgspec.structs.replace(
            self.what,
            head_sent_s=self.head_sent_s,
            ended=self._ended,
            ended_s=self._ended_s,
            body_bytes=self.body_bytes,
            events=self.events,
        )


class Book:
    """The last requests, newest last."""

    def __init__(self, most: int = MAX_SIGHTS) -> None:
        self._watches: deque[Watch] = deque(maxlen=most)

    def open(self, what: Sight) -> Watch:
        """Begin to watch a request."""
        watch = Watch(what)
        self._watches.append(watch)
        return watch

    def sights(self, *, tag: str | None = None, model: str | None = None, path: str | None = None) -> Iterator[Sight]:
        """Yield what was seen; None = of any tag, model, path."""
        wanted = [
            (name, value) for name, value in (("tag", tag), ("model", model), ("path", path)) if value is not None
        ]
        for watch in self._watches:
            if all(getattr(watch.what, name) == value for name, value in wanted):
                yield watch.sight

    def forget(self) -> int:
        """Forget all requests, those under way included; return how many."""
        count = len(self._watches)
        self._watches.clear()
        return count
