"""The other gate: `sluice verify` finds nothing on a Sluice with everything on (`everything.py`), and each request that
it sent has left one record.

A sample of each area that the seed chooses; VERIFY_EVERYTHING=full asks all cells, in some two minutes. As with the
first gate, what measures time is `timed`.
"""

import asyncio
import os
import time
from pathlib import Path

import msgspec
import pytest

from sluice.verify import own
from sluice.verify.facts import AREAS, Area
from sluice.verify.report import Report
from tests.cli.test_verify import run
from tests.support.command import Sluice
from tests.support.sockets import free_ports
from tests.verify.everything import BUILTINS, HEADER, configuration

SEED = "12"
FULL = os.environ.get("VERIFY_EVERYTHING") == "full"
MEASURES: tuple[Area, ...] = ("timing", "cancellation")
OTHERS = tuple(area for area in AREAS if area not in MEASURES)
NO_EMAIL = tuple(name for name in BUILTINS if name != "email")
"""Any word may begin an address of mail, so each last one waits for the next delta: with that built-in no gateway can
give every word before the next is sent. How long text waits for it: tests/gateway/test_held_on_the_wire.py."""
ENDED_S = 10.0
"""When the last exchanges are over at the latest: a provider's silence ends one in own.IDLE_S."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "areas",
    [
        pytest.param(OTHERS, id="others"),
        *(pytest.param((area,), id=area, marks=pytest.mark.timed) for area in MEASURES),
    ],
)
async def test_nothing_is_found_with_everything_on(areas: tuple[Area, ...], tmp_path: Path) -> None:
    (provider,) = free_ports(1)
    file = tmp_path / "everything.yaml"
    file.write_text(configuration(provider, tmp_path / "ledger.db", NO_EMAIL if "timing" in areas else BUILTINS))
    async with Sluice("-f", str(file), "--drain-timeout", "1s") as sluice:
        url = f"http://127.0.0.1:{sluice.port}"
        gateway = [url, "--provider-port", str(provider), "--header", HEADER]
        clocks = ["--idle", str(own.IDLE_S), "--keep-alive", str(own.KEEP_ALIVE_S)]
        only = [arg for area in areas for arg in ("--only", area)]
        asked = [*only, "--seed", SEED, "--report", str(tmp_path), "--require", "100"]
        status, out, err = await run(*gateway, *clocks, *asked, *([] if FULL else ["--quick"]))
        assert status in (0, 1), out + err
        report = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
        checks = await sluice.metric("guardrail_checks_total")
        recorded = await records(sluice, report.requests)
    assert [cell for cell in report.cells if cell.result != "pass"] == []
    assert status == 0, out + err
    assert checks >= len(report.cells)
    assert recorded == (report.requests, report.requests)


async def records(sluice: Sluice, sent: int) -> tuple[float, int]:
    """Wait until every exchange is over, but not for ever; return how many the metrics have, and the log."""
    deadline = time.monotonic() + ENDED_S
    while True:
        counted, lines = await sluice.metric("exchange_outcomes_total"), len(sluice.requests())
        if min(counted, lines) >= sent or time.monotonic() > deadline:
            return counted, lines
        await asyncio.sleep(0.05)
