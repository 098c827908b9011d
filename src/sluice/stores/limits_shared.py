"""Counters of limits in memory that the workers of one machine share. Implements `gateway.limits_ports.Counters`.

Whoever counts holds the lock of the whole table, for some microseconds, with one system call before and one after. It
is the kernel's (POSIX record lock) and ends with the process that holds it: a worker that is killed leaves none. What
it may leave is a bucket whose numbers are not written to the end. They are written in an order, a word at a time, in
which that costs the bucket its last fill, and never gives it one twice.

Places belong to the worker that took them. A worker that has not said for two heartbeats that it lives holds none; one
that takes another's seat begins with none.
"""

import fcntl
import mmap
import os
from collections.abc import Sequence

from sluice.gateway.limits_ports import HEARTBEAT_S, Draw, Give, Place, Verdict
from sluice.policies.bucket import filled, full_us
from sluice.policies.limiting import AtOnce
from sluice.stores.limits_table import Buckets, Layout, Places
from sluice.stores.limits_verdict import refused, taken, wanted

LOST_US = int(2 * HEARTBEAT_S * 1_000_000)


def create(workers: int) -> int:
    """Return the file descriptor of a table for so many workers: memory without a name, gone with the last process that
    has it. The caller hands it to the workers and closes it."""
    fd = os.memfd_create("sluice-limits", os.MFD_CLOEXEC)
    os.ftruncate(fd, Layout(workers).size)
    return fd


class _Lock:
    """Of the whole table, between processes."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_EX, 1)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN, 1)


class MachineCounters:
    """The table as one worker uses it. `worker`: its number, from 1; `fd`: of the table, ours from now on."""

    def __init__(self, fd: int, *, worker: int, workers: int, now: float) -> None:
        layout = Layout(workers)
        self._fd = fd
        self._lock = _Lock(fd)
        self._map = mmap.mmap(fd, layout.size)
        self._buckets = Buckets(self._map, layout)
        self._places = Places(self._map, layout, worker - 1)
        with self._lock:
            self._places.forget_mine()
        self.beat(now)

    def take(self, draws: Sequence[Draw], places: Sequence[Place], now: float) -> Verdict:
        now_us = int(now * 1_000_000)
        with self._lock:
            full = self._full(places, now_us) if places else ()
            found = [self._read(draw, now_us) for draw in draws]
            amounts = [wanted(draw, level) for draw, (level, _) in zip(draws, found, strict=True)]
            if full or -1 in amounts:
                states = zip(draws, found, strict=True)
                return Verdict(False, tuple(refused(draw, *state, now_us) for draw, state in states), full)
            for place in places:
                self._places.enter(place.key, now_us - LOST_US)
            drawn = []
            for draw, (level, since_us), amount in zip(draws, found, amounts, strict=True):
                self._write(draw, level - amount, since_us)
                drawn.append(taken(draw, level - amount, since_us, now_us, amount))
        return Verdict(True, tuple(drawn))

    def put_back(self, gives: Sequence[Give], places: Sequence[Place], now: float) -> None:
        now_us = int(now * 1_000_000)
        with self._lock:
            for draw, tokens in gives:
                level, since_us = self._read(draw, now_us)
                self._write(draw, min(draw.rate.capacity, level + tokens), since_us)
            for place in places:
                self._places.leave(place.key)

    def beat(self, now: float) -> None:
        self._places.beat(int(now * 1_000_000))

    def close(self) -> None:
        self._buckets.close()
        self._places.close()
        self._map.close()
        os.close(self._fd)

    def _full(self, places: Sequence[Place], now_us: int) -> tuple[AtOnce, ...]:
        lost_us = now_us - LOST_US
        return tuple(each.at_once for each in places if self._places.count(each.key, lost_us) >= each.at_once.most)

    def _read(self, draw: Draw, now_us: int) -> tuple[int, int]:
        """The level and since when; a bucket that is not there is full."""
        at = self._buckets.find(draw.key)
        if at < 0:
            return draw.rate.capacity, now_us
        since_us, level = self._buckets.read(at)
        return filled(draw.rate, level, since_us, now_us)

    def _write(self, draw: Draw, level: int, since_us: int) -> None:
        at = self._buckets.find(draw.key)  # looked for anew: one written before may have taken its place
        new = at < 0
        if new:
            at = self._buckets.free(draw.key)
        self._buckets.write(at, since_us, level, full_us(draw.rate, level, since_us))
        if new:
            self._buckets.name(at, draw.key)
