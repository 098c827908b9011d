"""Where the numbers stand in the memory that workers share. Knows nothing of limits; whoever calls it holds the lock.

    beats     of each worker, when it last said that it lives
    buckets   BUCKETS x (key, since, level, when it is full again): 40 bytes each
    places    PLACES x key, and of each worker PLACES x how many it holds

A key may stand anywhere in the WINDOW that its first bytes say. Of a window without room the bucket that is full, or
will be soonest, makes way: that costs its limit no more than what it had taken, and nothing if it was full.
"""

import mmap

BUCKETS = 1 << 16
PLACES = 1 << 14
"""More than exchanges that are under way at once."""
WINDOW = 64
KEY_BYTES = 16

_WORDS = 5
_BUCKET_BYTES = _WORDS * 8
_EMPTY = bytes(KEY_BYTES)


class Layout:
    """Offsets in bytes. They are multiples of 8."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.buckets = workers * 8
        self.keys = self.buckets + BUCKETS * _BUCKET_BYTES
        self.counts = self.keys + PLACES * KEY_BYTES
        self.size = self.counts + workers * PLACES * 4


class Buckets:
    """Two numbers for each key, and when the bucket is full again. `at` is an offset."""

    def __init__(self, table: mmap.mmap, layout: Layout) -> None:
        self._map = table
        self._base = layout.buckets
        self._words = memoryview(table)[layout.buckets : layout.keys].cast("q")

    def find(self, key: bytes) -> int:
        """Return where the bucket stands; -1 = nowhere."""
        first = self._base + _window(key, BUCKETS) * _BUCKET_BYTES
        return _find(self._map, key, first, _BUCKET_BYTES, self._base)

    def read(self, at: int) -> tuple[int, int]:
        """Return since when, and the level."""
        word = (at + KEY_BYTES - self._base) // 8
        return self._words[word], self._words[word + 1]

    def write(self, at: int, since_us: int, level: int, full_us: int) -> None:
        """Each word is whole at any moment, in this order. (`struct` writes zeros first: since 0, a bucket is full.)"""
        words, word = self._words, (at + KEY_BYTES - self._base) // 8
        words[word] = since_us
        words[word + 1] = level
        words[word + 2] = full_us

    def free(self, key: bytes) -> int:
        """Return a place without a name for a key that has none. Write its numbers, then name it."""
        window = _window(key, BUCKETS) * _WORDS
        full = self._words[window + _WORDS - 1 : window + WINDOW * _WORDS : _WORDS].tolist()
        at = self._base + window * 8 + full.index(min(full)) * _BUCKET_BYTES
        self.name(at, _EMPTY)
        return at

    def name(self, at: int, key: bytes) -> None:
        self._map[at : at + KEY_BYTES] = key

    def close(self) -> None:
        self._words.release()


class Places:
    """How many each worker holds of each key. `me`: this worker, from 0."""

    def __init__(self, table: mmap.mmap, layout: Layout, me: int) -> None:
        self._map = table
        self._me = me
        self._keys = layout.keys
        view = memoryview(table)
        self._beats = view[: layout.workers * 8].cast("q")
        own = layout.counts + me * PLACES * 4
        self._mine = slice(own, own + PLACES * 4)
        self._counts = [view[at : at + PLACES * 4].cast("I") for at in range(layout.counts, layout.size, PLACES * 4)]

    def beat(self, now_us: int) -> None:
        self._beats[self._me] = now_us

    def forget_mine(self) -> None:
        """Whoever had this seat before holds nothing any more."""
        self._map[self._mine] = bytes(PLACES * 4)

    def count(self, key: bytes, lost_us: int) -> int:
        """Return how many are held of a key by workers that have lived after `lost_us`."""
        at = self._find(key)
        return 0 if at < 0 else self._held(at, lost_us)

    def enter(self, key: bytes, lost_us: int) -> None:
        """Hold one more. If there is no room for its key, it is not counted."""
        at = self._find(key)
        if at < 0:
            at = self._claim(key, lost_us)
        if at >= 0:
            self._counts[self._me][at] += 1

    def leave(self, key: bytes) -> None:
        """Hold one less."""
        at = self._find(key)
        if at < 0 or not self._counts[self._me][at]:
            return
        self._counts[self._me][at] -= 1
        if not any(counts[at] for counts in self._counts):
            self._put(at, _EMPTY)

    def close(self) -> None:
        for view in (self._beats, *self._counts):
            view.release()

    def _held(self, at: int, lost_us: int) -> int:
        beats, me = self._beats, self._me
        return sum(counts[at] for worker, counts in enumerate(self._counts) if worker == me or beats[worker] > lost_us)

    def _find(self, key: bytes) -> int:
        first = self._keys + _window(key, PLACES) * KEY_BYTES
        at = _find(self._map, key, first, KEY_BYTES, self._keys)
        return -1 if at < 0 else (at - self._keys) // KEY_BYTES

    def _claim(self, key: bytes, lost_us: int) -> int:
        window = _window(key, PLACES)
        for at in range(window, window + WINDOW):
            if not self._held(at, lost_us):
                for counts in self._counts:
                    counts[at] = 0
                self._put(at, key)
                return at
        return -1

    def _put(self, at: int, key: bytes) -> None:
        first = self._keys + at * KEY_BYTES
        self._map[first : first + KEY_BYTES] = key


def _window(key: bytes, slots: int) -> int:
    """Return the number of the first slot where a key may stand."""
    return int.from_bytes(key[:8], "little") % (slots - WINDOW)


def _find(table: mmap.mmap, key: bytes, first: int, step: int, base: int) -> int:
    end = first + WINDOW * step
    at = table.find(key, first, end)
    while at >= 0 and (at - base) % step:
        at = table.find(key, at + 1, end)
    return at
