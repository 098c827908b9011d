"""Ten seconds of the soak itself: real processes, real sockets. It works, and its report is right.

What a busy machine may decide, the event loop's lag, is not judged here.
"""

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from bench.rig import ROOT
from bench.soak.report import LATEST, render
from bench.soak.result import Result, judge

SECONDS = 10
WITHIN_S = 120.0


@pytest.mark.timeout(WITHIN_S + 30)
async def test_ten_seconds_of_it(tmp_path: Path) -> None:
    out, page = tmp_path / "soak.json", ROOT / "docs" / "reliability.md"
    before = page.read_bytes(), LATEST.exists() and LATEST.read_bytes()
    command = ("-m", "bench.soak", "--minutes", str(SECONDS / 60), "--rate", "40", "--out", str(out))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            said, trouble = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert trouble == b""
    result = msgspec.json.decode(out.read_bytes(), type=Result)
    text = said.decode()
    assert render(result) in text

    kept = {verdict.label: verdict.kept for verdict in judge(result)}
    assert process.returncode == (0 if all(kept.values()) else 1)
    lag = kept.pop("event loop lag, p99.9")
    assert lag == (result.lag.at_most <= 0.02)
    assert all(kept.values()), text

    assert result.requests == result.records == result.counted == sum(row.requests for row in result.rows)
    assert result.requests > SECONDS * 40 / 2
    assert result.reloads.taken == 2
    assert result.reloads.refused == 1
    outcomes = {row.outcome for row in result.rows}
    assert outcomes >= {"completed", "upstream_truncated", "client_gone", "shed"}
    assert {row.saw for row in result.rows} >= {"complete", "failure", "left", "refused"}
    assert 30 < result.memory.before < result.memory.highest < 400
    assert result.lag_samples > SECONDS * 5
    assert 0 < result.load.busy < 1
    assert (page.read_bytes(), LATEST.exists() and LATEST.read_bytes()) == before, "a short run renews no page"
