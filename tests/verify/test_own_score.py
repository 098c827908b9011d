"""The gate: the real `sluice verify`, on the real `sluice serve`, asks all its cells and finds nothing.

In two shares, so that it takes less time than the whole. What waits for clocks waits side by side. What measures time,
or works so hard that a clock of the gateway's could run out, is `timed`: no other test may keep both cores busy then.
"""

import asyncio
from pathlib import Path

import msgspec
import pytest

from sluice.verify.facts import AREAS, Area
from sluice.verify.report import Report
from tests.cli.test_verify import run

SEED = "11"
Share = tuple[tuple[Area, ...], ...]
"""Commands that run side by side, each with its areas."""
WAITS: Share = (("ends",), ("usage", "keep-alive", "errors"))
WORKS: Share = (("framing", "timing", "cancellation", "back-pressure"),)
PROMISED_S = 300.0
"""For all cells in one run, on two cores. docs/verify.md says that it is about a minute."""
BOUNDS_S = {WAITS: 180.0, WORKS: 120.0}
"""What each share may take of it, its commands one after the other as in one run."""


def test_the_shares_are_the_whole() -> None:
    assert sorted(area for share in BOUNDS_S for areas in share for area in areas) == sorted(AREAS)
    assert sum(BOUNDS_S.values()) <= PROMISED_S


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "share",
    [pytest.param(WAITS, id="waits"), pytest.param(WORKS, id="works", marks=pytest.mark.timed)],
)
async def test_nothing_is_found_in_the_time_that_is_promised(share: Share, tmp_path: Path) -> None:
    ended = await asyncio.gather(*(run(*asking(areas), "--report", str(tmp_path / areas[0])) for areas in share))
    for status, out, err in ended:
        assert status in (0, 1), out + err
    reports = [read(tmp_path / areas[0]) for areas in share]
    assert [cell for report in reports for cell in report.cells if cell.result != "pass"] == []
    assert {cell.area for report in reports for cell in report.cells} == {area for areas in share for area in areas}
    assert not any(report.quick for report in reports)
    assert [status for status, _, _ in ended] == [0] * len(share)
    assert sum(report.seconds for report in reports) < BOUNDS_S[share]


def asking(areas: tuple[Area, ...]) -> list[str]:
    return [*(arg for area in areas for arg in ("--only", area)), "--seed", SEED, "--require", "100"]


def read(folder: Path) -> Report:
    return msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
