"""Numbers that are asked for at scrape."""

from pathlib import Path

import pytest

from sluice.net.memory import resident_bytes
from sluice.telemetry import gauges
from sluice.telemetry import server_names as names

from .test_metrics import counted, scrape, total


def test_the_gateways_gauges_are_asked_for_at_each_scrape() -> None:
    metrics = counted()
    now = dict.fromkeys((row.name for row in names.GATEWAY_GAUGES), 0)
    metrics.gateway = lambda: now
    assert [total(scrape(metrics), row.name) for row in names.GATEWAY_GAUGES] == [0, 0, 0, 0]
    now |= {"exchanges": 7, "admission_waiting": 3, "reading_on": 2, "upstream_connections": 9}
    samples = scrape(metrics)
    assert [total(samples, row.name) for row in names.GATEWAY_GAUGES] == [7, 3, 2, 9]


def test_a_process_without_a_gateway_shows_zeros() -> None:
    samples = scrape(counted())
    assert {total(samples, row.name) for row in (*names.GATEWAY_GAUGES, *names.RUNTIME_GAUGES)} == {0}


def test_outside_an_event_loop_there_are_no_tasks() -> None:
    assert gauges.asyncio_runtime() == {"tokio_num_alive_tasks": 0, "tokio_num_workers": 1}


@pytest.mark.parametrize(("usage", "idle"), [("memory.current", "inactive_file"), ("usage_in_bytes", "total_idle")])
def test_a_containers_memory_is_without_what_can_be_taken_back(tmp_path: Path, usage: str, idle: str) -> None:
    (tmp_path / usage).write_text("5000\n")
    (tmp_path / "memory.stat").write_text(f"anon 3000\n{idle} 1200\nfile 2000\n")
    groups = [(tmp_path / "elsewhere" / "memory.current", "inactive_file"), (tmp_path / usage, idle)]
    assert dict(found(groups)) == {"process_rss": pytest.approx(resident_bytes(), rel=0.2), "cgroup_working_set": 3800}
    assert list(dict(found(groups[:1]))) == ["process_rss"]


def found(groups: list[tuple[Path, str]]) -> list[tuple[str, float]]:
    return [(metric.name, series[()][0]) for metric, series in gauges.memory(groups) if series]


def test_what_nobody_has_a_row_for_is_not_shown() -> None:
    assert [metric for metric, _ in gauges.families((), {"made_up": 1})] == []
