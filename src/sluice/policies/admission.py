"""How much work this process takes on at once.

Guarantee: at most `max_concurrent` exchanges run and `max_queue` wait; one more is refused at once. Those who wait come
in in the order in which they came, and nobody waits while there is room. Source: stream-life sections 1, 8 and 9.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, Literal, TypeVar

import msgspec

T = TypeVar("T", bound=Hashable)

NEVER: Final = float("inf")


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """Of the process. 0 = no bound, but for the queue: there 0 = nobody waits."""

    max_concurrent: int = 10_000
    max_queue: int = 1_000
    queue_timeout_s: float = 5.0
    """A request that has waited this long is refused; 0 = it waits as long as its client does."""
    max_memory_bytes: int = 0
    """Resident memory of the process above which new requests are refused, and the newest of the running streams is
    ended, one at a time, while it stays a tenth above."""


class Turnstile(Generic[T]):
    """Count who is in and keep a queue of who waits, without clock or task.

    Everyone who entered ends in exactly one way: refused at once; or in, and then the caller owes one `leave`; or, from
    the queue, named once by `leave` or `resize` (in), named once by `expired` (out), or taken out by `gave_up`. Nobody
    stands in the queue twice. All calls are O(1), but for the names that they return.
    """

    __slots__ = ("_admission", "_queue", "_room", "closed", "running")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._room: float = admission.max_concurrent or NEVER
        self._queue: OrderedDict[T, float] = OrderedDict()  # since when each waits
        self.running = 0
        self.closed = False
        """Memory is above its mark: whoever enters is refused. Those who wait come in, as ever, when others leave."""

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def has_room(self) -> bool:
        """Whoever entered now would not be refused."""
        room = self.running < self._room or len(self._queue) < self._admission.max_queue
        return room and not self.closed

    @property
    def deadline(self) -> float:
        """When to call `expired`, in monotonic seconds; infinity = never. Any call may change it."""
        timeout_s = self._admission.queue_timeout_s
        if not self._queue or not timeout_s:
            return NEVER
        return next(iter(self._queue.values())) + timeout_s

    def enter(self, who: T, now: float) -> Literal["in", "waits", "refused"]:
        """Someone wants in. `now` never goes back from call to call."""
        if not self.has_room:
            return "refused"
        if self.running < self._room:  # then nobody waits
            self.running += 1
            return "in"
        self._queue[who] = now
        return "waits"

    def leave(self, who: T, now: float) -> list[T]:
        """One who was in is done; all places are alike, so it matters neither who nor when. Return those who come in.

        One who has waited too long, but was not taken out by `expired` yet, comes in too: its client is still there.
        """
        self.running -= 1
        return self._admit() if self._queue else []

    def gave_up(self, who: T) -> None:
        """One who waits is gone; of anybody else nothing changes."""
        self._queue.pop(who, None)

    def expired(self, now: float) -> list[T]:
        """Take out those who have waited too long, and return them, the oldest first."""
        late: list[T] = []
        while self.deadline <= now:
            late.append(self._queue.popitem(last=False)[0])
        return late

    def resize(self, admission: Admission) -> list[T]:
        """Other bounds from now on. Who is in stays in, who waits keeps its place. Return those who come in."""
        self._admission = admission
        self._room = admission.max_concurrent or NEVER
        return self._admit()

    def _admit(self) -> list[T]:
        come: list[T] = []
        while self._queue and self.running < self._room:
            self.running += 1
            come.append(self._queue.popitem(last=False)[0])
        return come
