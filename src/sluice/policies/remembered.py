"""What was found out and holds for a while: a bounded memory that forgets the longest unused first.

Pure: time is an argument. Guarantee: nothing is returned after its time, and never more than `max_entries` are kept.
Cost: O(1) per call.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Keys to values, each until a second of the caller's clock."""

    __slots__ = ("_entries", "_max_entries")

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, tuple[T, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, now: float) -> T | None:
        """Return what was kept under a key, None if nothing was or its time is over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry[1]:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def keep(self, key: Hashable, value: T, until: float) -> None:
        """Keep a value until a second; it replaces the one of the same key."""
        self._entries[key] = (value, until)
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Forget what is kept under a key, if anything is."""
        self._entries.pop(key, None)
