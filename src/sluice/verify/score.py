"""The score of a verification: of each area the share of its cells that passed, and their mean. Pure.

Cells with nothing to judge (`info`) do not count. Every area counts the same, however many cells it has: a gateway that
never cancels is not saved by a thousand good ends.
"""

from collections.abc import Sequence

import msgspec

from sluice.verify.facts import AREAS, Area, Finding


class AreaScore(msgspec.Struct, frozen=True, kw_only=True):
    """One area, as the report has it."""

    area: Area
    passed: int
    failed: int
    info: int
    score: float
    """0 to 100; 100 means that no cell failed."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """All areas that were asked."""

    total: float
    """0 to 100; 100 means that no cell of any area failed."""
    areas: tuple[AreaScore, ...]


def score(findings: Sequence[Finding]) -> Score:
    """Return the score of what was found. An area without a cell that counts is left out of the mean."""
    areas = tuple(_area(area, findings) for area in AREAS if any(found.area == area for found in findings))
    judged = [area for area in areas if area.passed + area.failed]
    total = _rounded(sum(area.score for area in judged), len(judged) * 100) if judged else 0.0
    return Score(total=total, areas=areas)


def _area(area: Area, findings: Sequence[Finding]) -> AreaScore:
    results = [found.result for found in findings if found.area == area]
    passed, failed = results.count("pass"), results.count("fail")
    return AreaScore(
        area=area,
        passed=passed,
        failed=failed,
        info=results.count("info"),
        score=_rounded(passed, passed + failed) if passed + failed else 100.0,
    )


def _rounded(part: float, whole: float) -> float:
    """A percentage, rounded down to a tenth: only what is whole is 100."""
    return int(part * 1000 / whole) / 10
