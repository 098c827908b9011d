"""The gate: the real `sluice verify`, on the real `sluice serve`, finds nothing.

Needs the whole gateway to work, and no other test that keeps both cores busy: two areas measure time.
"""

from pathlib import Path

import msgspec
import pytest

from sluice.verify.facts import AREAS, Area
from sluice.verify.report import Report
from tests.cli.test_verify import run

SEED = "11"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("area", AREAS)
async def test_nothing_is_found(area: Area, tmp_path: Path) -> None:
    args = ["--only", area, "--quick", "--seed", SEED, "--report", str(tmp_path), "--require", "100"]
    status, out, err = await run(*args)
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
    assert [cell for cell in report.cells if cell.result != "pass"] == []
    assert status == 0, out + err
