"""Who takes a request: a backend of a rule by weight, as Gateway API says; a target of a group by how well it does.

Guarantee: over many requests each backend gets its weight's share; a weight of 0 gets nothing. Of several targets the
worst never wins against another. The die is an argument.
"""

from collections.abc import Callable, Sequence

from sluice.policies.health import TargetHealth


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


def choose(candidates: Sequence[TargetHealth], now: float, die: Callable[[], float]) -> int:
    """Return the index of a target: of two different ones, chosen at random, the one with the better score.

    Two, not all: the best of all would get every request until its own score shows them. Equals share evenly, since
    which of the two comes first is the die's choice. `candidates` is not empty; whether they may be asked is for the
    caller to know. `die` gives numbers in [0, 1); it is rolled twice, and not at all for one candidate.

    Source: labs C14 (read 2026-11-21); M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001.
    """
    count = len(candidates)
    if count == 1:
        return 0
    first = int(die() * count)
    second = int(die() * (count - 1))
    if second >= first:
        second += 1
    return first if candidates[first].score(now) >= candidates[second].score(now) else second
