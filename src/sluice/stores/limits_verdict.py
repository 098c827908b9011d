"""From the numbers of a bucket to what a reservation hears of it: the same for every store that keeps the numbers."""

from sluice.gateway.limits_ports import Draw, Drawn
from sluice.policies.bucket import takes, wait_us


def wanted(draw: Draw, level: int) -> int:
    """Return what is taken out of a bucket, -1 = it refuses."""
    return takes(level, draw.cost.amount, draw.cost.needs, partial=draw.cost.partial)


def taken(draw: Draw, level: int, since_us: int, now_us: int, amount: int) -> Drawn:
    """`level`: of the bucket after it."""
    return Drawn(amount, level, _fill_us(draw, level, since_us, now_us))


def refused(draw: Draw, level: int, since_us: int, now_us: int) -> Drawn:
    """Of one bucket of a reservation that was refused, by this one or by another."""
    rate, needs = draw.rate, draw.cost.needs
    if level >= needs:
        return Drawn(0, level, _fill_us(draw, level, since_us, now_us))
    return Drawn(0, level, wait_us(rate, level, since_us, now_us, needs), refused=True)


def _fill_us(draw: Draw, level: int, since_us: int, now_us: int) -> int:
    """How long until there is more than now, and anything at all."""
    return wait_us(draw.rate, level, since_us, now_us, max(1, min(level + 1, draw.rate.capacity)))
