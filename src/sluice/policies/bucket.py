"""The arithmetic of a token bucket, in whole numbers: what a store keeps of one is two of them.

    level      what may be taken; below zero it is owed
    since_us   when the last fill came, or was looked for while the bucket was full

PURE: `now_us` is an argument, microseconds of any clock that all who share a bucket read.
Guarantee: in any time T at most capacity + fill x (T / interval + 1) are taken, whatever the order of calls, plus what
was taken below zero. The script of the shared store is the same arithmetic; a test compares them.
"""

from sluice.policies.limiting import Rate


class Bucket:
    """One bucket in memory. It begins full."""

    __slots__ = ("level", "rate", "since_us")

    def __init__(self, rate: Rate, now_us: int) -> None:
        self.rate = rate
        self.level = rate.capacity
        self.since_us = now_us

    def fill(self, now_us: int) -> None:
        """Put in what has come until now. Call it before anything else."""
        self.level, self.since_us = filled(self.rate, self.level, self.since_us, now_us)

    def give(self, tokens: int) -> None:
        """Put back what was not used; less than zero: take what was used beyond."""
        self.level = min(self.rate.capacity, self.level + tokens)


def filled(rate: Rate, level: int, since_us: int, now_us: int) -> tuple[int, int]:
    """Return the bucket as it is now: its level, and since when.

    A clock that was set back begins anew. The time of a full bucket goes with it: its next fill is counted from the
    moment when something is taken out.
    """
    steps = (now_us - since_us) // rate.interval_us
    if steps > 0:
        level = min(rate.capacity, level + steps * rate.fill)
        since_us += steps * rate.interval_us
    if level >= rate.capacity or since_us > now_us:
        return min(level, rate.capacity), now_us
    return level, since_us


def takes(level: int, cost: int, needs: int, *, partial: bool) -> int:
    """Return what is taken out of a bucket at this level; -1: it is refused. `needs`: what must be there, 1 at least.
    `partial`: never more than is there."""
    if level < needs:
        return -1
    return min(cost, level) if partial else cost


def wait_us(rate: Rate, level: int, since_us: int, now_us: int, needs: int) -> int:
    """Return how long it takes until `needs` are there; 0 = they are."""
    if level >= needs:
        return 0
    fills = -(-(needs - level) // rate.fill)
    return max(0, since_us + fills * rate.interval_us - now_us)


def full_us(rate: Rate, level: int, since_us: int) -> int:
    """Return when the bucket is full again, if nothing is taken."""
    return since_us + -(-(rate.capacity - level) // rate.fill) * rate.interval_us
