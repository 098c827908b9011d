"""The other gate: `sluice verify` finds nothing on a Sluice with everything on (`everything.py`).

A sample of each area that the seed chooses; VERIFY_EVERYTHING=full asks all cells, in some two minutes. As with the
first gate, two areas measure time: no other test may keep both cores busy.
"""

import os
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
NO_EMAIL = tuple(name for name in BUILTINS if name != "email")
"""Any word may begin an address of mail, so each last one waits for the next delta: with that built-in no gateway can
give every word before the next is sent. How long text waits for it: tests/gateway/test_held_on_the_wire.py."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("area", AREAS)
async def test_nothing_is_found_with_everything_on(area: Area, tmp_path: Path) -> None:
    (provider,) = free_ports(1)
    file = tmp_path / "everything.yaml"
    file.write_text(configuration(provider, tmp_path / "ledger.db", NO_EMAIL if area == "timing" else BUILTINS))
    async with Sluice("-f", str(file), "--drain-timeout", "1s") as sluice:
        url = f"http://127.0.0.1:{sluice.port}"
        gateway = [url, "--provider-port", str(provider), "--header", HEADER]
        clocks = ["--idle", str(own.IDLE_S), "--keep-alive", str(own.KEEP_ALIVE_S)]
        asked = ["--only", area, "--seed", SEED, "--report", str(tmp_path), "--require", "100"]
        status, out, err = await run(*gateway, *clocks, *asked, *([] if FULL else ["--quick"]))
        checks = await sluice.metric("guardrail_checks_total")
    assert status in (0, 1), out + err
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
    assert [cell for cell in report.cells if cell.result != "pass"] == []
    assert status == 0, out + err
    assert checks >= len(report.cells)
