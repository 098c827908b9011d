"""What each version of A2A has to give, and the one way in which all of them tell a run."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from sluice.runs.events import Event
from sluice.runs.messages import Message
from sluice.runs.projection import Frame
from sluice.runs.projections.a2a_task import Snapshot, Task, Update

_ENCODE = msgspec.json.Encoder().encode


class Told(NamedTuple):
    """An update in a version's words."""

    body: Mapping[str, Any]
    event: str = ""
    """The name of the server-sent event; empty = the version has none."""


class Words(Protocol):
    """A version of A2A."""

    def task(self, task: Snapshot) -> dict[str, Any]:
        """Return a task."""
        ...

    def message(self, message: Message, task_id: str, context_id: str) -> dict[str, Any]:
        """Return a message."""
        ...

    def told(self, update: Update, task: Task) -> Told:
        """Return a frame of a stream."""
        ...

    def answer(self, given: dict[str, Any], kind: str) -> dict[str, Any]:
        """Return the result of sending a message: `given` is a `task` or a `message`."""
        ...


class Teller:
    """Tells one run in a version's words.

    `call`: the id of a JSON-RPC request, as JSON; each frame is an answer to it. `rejoin`: the number of an event; the
    reader gets the whole task there in place of what that event says, and those before are not for him.
    """

    __slots__ = ("_head", "_rejoin", "_tail", "_task", "_words")

    def __init__(self, words: Words, task: Task | None, call: bytes, rejoin: int) -> None:
        self._words, self._task, self._rejoin = words, task or Task(), rejoin
        self._head, self._tail = (b'{"jsonrpc":"2.0","id":' + call + b',"result":', b"}") if call else (b"", b"")

    def step(self, event: Event) -> list[Frame]:
        """Return the frames of an event; the last of them carries the cursor."""
        updates = self._task.step(event)
        if 0 < self._rejoin <= event.seq:
            self._rejoin = 0
            updates = [self._task.snapshot()]
        told = [self._words.told(update, self._task) for update in updates]
        frames = [Frame(self._head + _ENCODE(one.body) + self._tail, one.event) for one in told]
        if frames:
            frames[-1] = Frame(frames[-1].data, frames[-1].event, str(event.seq))
        return frames


class Projected:
    """A run in one version of A2A: what is the same in all of them. `task`: what the run belongs to, if it is not a
    task of its own; `call`, `rejoin`: see `Teller`."""

    words: ClassVar[Words]
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(self, task: Task | None = None, call: bytes = b"", rejoin: int = 0) -> None:
        self._teller = Teller(self.words, task, call, rejoin)

    def step(self, event: Event) -> list[Frame]:
        return self._teller.step(event)

    def end(self) -> list[Frame]:
        return []
