"""Which backend of a rule takes a request: by weight, as Gateway API says.

Guarantee: over many requests each backend gets its weight's share; a weight of 0 gets nothing. The die is an argument.
"""

from collections.abc import Sequence


def pick(weights: Sequence[int], die: float) -> int | None:
    """Return the index that the die chooses, `die` in [0, 1); None if no weight is above 0."""
    total = sum(weights)
    if total <= 0:
        return None
    mark = die * total
    for index, weight in enumerate(weights):
        mark -= weight
        if mark < 0:
            return index
    return max(index for index, weight in enumerate(weights) if weight)  # the die was 1, against its bounds
