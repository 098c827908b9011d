"""docs/running.md: its commands print what it says, and what it names is there."""

import re
from pathlib import Path

import pytest

from sluice.net.member import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S
from sluice.net.workers import GRACE_S
from sluice.telemetry import names
from tests.docs.pages import ROOT, Session, sessions
from tests.docs.terminal import follow, lay_out
from tests.support.command import Sluice

PAGE = "docs/running.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("session", sessions(PAGE), ids=lambda session: session.place)
async def test_the_commands_print_what_the_page_says(session: Session, tmp_path: Path) -> None:
    lay_out(PAGE, tmp_path)
    async with Sluice(*session.args) as sluice:
        await follow(session, tmp_path, sluice)


def test_the_page_has_the_blocks_that_it_should() -> None:
    (session,) = sessions(PAGE)
    assert session.args == ["--workers", "2"]
    assert all(step.output for step in session.steps)


def test_the_metrics_that_are_named_are_there() -> None:
    known = {metric.name for metric in names.METRICS}
    named = {one or other for one, other in re.findall(r"agentgateway_(\w+)|`(\w+_(?:total|info))`", TEXT)}
    assert {"tokio_num_workers", "requests_total", "build_info", "log_lines_dropped_total"} <= named
    assert {name for name in named if not name.startswith("process_")} <= known


def test_the_times_are_those_of_the_code() -> None:
    assert (FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, GRACE_S) == (0.5, 30.0, 10.0, 2.0)
    for words in ("within ten seconds", "after 0.5 s, 1 s, 2 s, up to 30 s", "two seconds after the drain timeout"):
        assert words in re.sub(r"\s+", " ", TEXT)


def test_the_option_stands_in_the_table_of_options() -> None:
    table = (ROOT / "docs/configuration.md").read_text(encoding="utf-8").partition("## The process")[2]
    assert re.search(r"^\| `--workers` \| `WORKERS`, `WORKER_THREADS` \| `1` \|", table, re.MULTILINE)
