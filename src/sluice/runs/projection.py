"""A projection: how one protocol tells a log. Pure: events go in, frames come out.

Each protocol is one file in `runs.projections` and one row of its table. The law, tested for every projection at every
cut: `project(log) == project(log[:k]) + resume(log, k)`, where resuming is a silent fold up to the cursor.
"""

from collections.abc import Iterable
from typing import ClassVar, Protocol, runtime_checkable

import msgspec

from sluice.runs.events import TERMINAL, Event
from sluice.runs.messages import Message


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame of a protocol, before a transport wraps it: a server-sent event, or a message of a WebSocket."""

    data: bytes
    """JSON, or what the protocol has in its place; never a line feed."""
    event: str = ""
    """The name of a server-sent event; empty = the protocol has none here."""
    id: str = ""
    """The cursor after this frame; empty = nobody can resume here."""


class Projection(Protocol):
    """One viewer's reading of one log."""

    name: ClassVar[str]
    """As `?protocol=` has it."""
    content_type: ClassVar[str]
    heartbeat_s: ClassVar[float]
    """How long a silence lasts before a comment is sent."""
    merges: ClassVar[bool]
    """Whether adjacent deltas of one block may be given to it as one when its reader is slow. Not where the protocol
    numbers its frames: the numbers would depend on the reader."""

    folds: ClassVar[bool]
    """Whether what it says of an event depends on those before: then a reader who comes back has them folded."""

    def step(self, event: Event) -> list[Frame]:
        """Return what the protocol says at this event; nothing for what it has no word for."""
        ...

    def end(self) -> list[Frame]:
        """Return what follows the last frame of a log that is complete: `[DONE]` where the protocol has it."""
        ...


@runtime_checkable
class Recalling(Protocol):
    """A projection that tells of what was said before the run too; it folds."""

    def recall(self, history: tuple[Message, ...]) -> None:
        """Take the messages of the thread before the run; called before the first event."""
        ...


def project(projection: Projection, log: Iterable[Event], after: int = 0) -> list[Frame]:
    """Return all frames of the events after `after`; those up to it are folded silently."""
    frames: list[Frame] = []
    for event in log:
        said = projection.step(event)
        if isinstance(event, TERMINAL):
            said = [*said, *projection.end()]
        if event.seq > after:
            frames += said
    return frames
