"""Slopes with their errors, and quantiles without interpolation."""

import math
import random

import pytest

from bench.soak.trend import Bounds, quantile, trend


def walk(dice: random.Random, seconds: int, *, likeness: float, per_hour: float) -> list[tuple[float, float]]:
    """A line with noise, each second's noise like that of the second before."""
    noise, points = 0.0, []
    for second in range(seconds):
        noise = likeness * noise + dice.gauss(0, 1)
        points.append((float(second), 50 + per_hour * second / 3600 + noise))
    return points


def test_a_straight_line_has_its_slope_and_no_error() -> None:
    found = trend([(float(second), 40 + second / 3600 * 2.5) for second in range(100)])
    assert found.per_hour == pytest.approx(2.5)
    assert found.error == pytest.approx(0, abs=1e-6)


def test_level_memory_does_not_grow() -> None:
    found = trend([(0.0, 61.5), (1.0, 61.5), (2.0, 61.5), (3.0, 61.5)])
    assert (found.per_hour, found.error) == (0.0, 0.0)


@pytest.mark.parametrize("likeness", [0.0, 0.9, 0.97])
def test_the_error_is_how_far_slopes_scatter_however_alike_the_seconds_are(likeness: float) -> None:
    dice = random.Random(7)
    found = [trend(walk(dice, 1200, likeness=likeness, per_hour=3.0)) for _ in range(200)]
    slopes = [each.per_hour for each in found]
    mean = sum(slopes) / len(slopes)
    scatter = math.sqrt(sum((slope - mean) ** 2 for slope in slopes) / (len(slopes) - 1))
    error = sum(each.error for each in found) / len(found)
    assert abs(mean - 3.0) < 3 * scatter / math.sqrt(len(slopes))
    assert 0.7 < error / scatter < 1.3


@pytest.mark.parametrize("points", [[], [(0.0, 1.0), (1.0, 2.0)], [(5.0, 1.0), (5.0, 2.0), (5.0, 3.0)]])
def test_too_little_is_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="a slope needs"):
        trend(points)


BUCKETS = [(0.001, 900), (0.01, 990), (0.02, 999), (math.inf, 1000)]


@pytest.mark.parametrize(
    ("share", "bounds"),
    [
        (0.5, Bounds(0.0, 0.001)),
        (0.9, Bounds(0.0, 0.001)),
        (0.901, Bounds(0.001, 0.01)),
        (0.999, Bounds(0.01, 0.02)),
        (1.0, Bounds(0.02, math.inf)),
    ],
)
def test_a_quantile_is_known_to_its_bucket(share: float, bounds: Bounds) -> None:
    assert quantile(BUCKETS, share) == bounds


@pytest.mark.parametrize("buckets", [[], [(0.001, 0), (math.inf, 0)]])
def test_a_histogram_of_nothing_has_no_quantile(buckets: list[tuple[float, int]]) -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        quantile(buckets, 0.5)
