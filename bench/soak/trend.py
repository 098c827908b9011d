"""What a row of samples says: a slope with its standard error, and a quantile of a histogram. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

MAX_LIKENESS = 0.999
"""Of neighbouring residuals: beyond it no number of samples says anything."""


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """Growth per hour, in the samples' unit."""

    per_hour: float
    error: float
    """Standard error of it."""


def trend(points: Sequence[tuple[float, float]]) -> Trend:
    """Return the slope of (seconds, value) by least squares, and its standard error.

    What a process holds at one moment is much like what it held before, so that many samples say less than as many
    independent ones would: the error is widened by sqrt((1 + r) / (1 - r)), where r is the correlation of
    neighbouring residuals (the effective sample size of a first-order autoregressive process).

    Raises:
        ValueError: fewer than three points, or all at one moment.
    """
    count = len(points)
    if count < 3:
        raise ValueError("a slope needs three points")
    mean_x = math.fsum(x for x, _ in points) / count
    mean_y = math.fsum(y for _, y in points) / count
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0.0:
        raise ValueError("a slope needs points at different moments")
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = [y - mean_y - slope * (x - mean_x) for x, y in points]
    squares = math.fsum(each * each for each in rest)
    error = math.sqrt(squares / (count - 2) / spread)
    return Trend(per_hour=slope * 3600, error=error * math.sqrt(_widening(rest, squares)) * 3600)


def _widening(rest: Sequence[float], squares: float) -> float:
    if squares == 0.0:
        return 1.0
    alike = math.fsum(a * b for a, b in pairwise(rest)) / squares
    alike = min(max(alike, 0.0), MAX_LIKENESS)
    return (1 + alike) / (1 - alike)


class Bounds(msgspec.Struct, frozen=True):
    """Between which of a histogram's bounds something lies."""

    more_than: float
    at_most: float
    """Infinity = beyond the last bound."""


def quantile(buckets: Sequence[tuple[float, int]], share: float) -> Bounds:
    """Return between which bounds the value lies that `share` of the samples do not exceed.

    `buckets`: upper bounds, ascending, the last one infinity, each with how many samples are at most it. What lies
    inside a bucket nobody knows: no interpolation.

    Raises:
        ValueError: there are no samples.
    """
    count = buckets[-1][1] if buckets else 0
    if count == 0:
        raise ValueError("nothing was measured")
    wanted, lower = math.ceil(share * count), 0.0
    for bound, below in buckets:
        if below >= wanted:
            return Bounds(lower, bound)
        lower = bound
    raise AssertionError("the last bucket holds all samples")
