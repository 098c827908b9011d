"""The dashboards as files: current, valid, and asking only for metrics and labels that there are."""

import json
import re
from pathlib import Path

import pytest

from sluice.telemetry import names
from tests.docs.pages import ROOT
from tools.dashboards import DASHBOARDS, FOLDER, files, stale
from tools.grafana import COLUMNS, SCHEMA_VERSION, Panel

PANELS = [(dashboard, panel) for dashboard in DASHBOARDS for row in dashboard.rows for panel in row.panels]
METRICS = {f"agentgateway_{metric.name}": metric for metric in names.METRICS}
PROCESS = {
    f"agentgateway_process_{name}" for name in ("cpu_seconds_total", "max_fds", "open_fds", "start_time_seconds")
}
PROCESS.add("agentgateway_process_resident_memory_bytes")
TARGET_LABELS = {"namespace", "instance", "job", "worker", "le"}
"""Labels that Prometheus, several workers, and histograms bring."""


def metric_of(series: str) -> str:
    """Return the family of a series: a histogram has three."""
    return series if series in METRICS | dict.fromkeys(PROCESS) else re.sub(r"_(bucket|sum|count)$", "", series)


def series_in(expression: str) -> set[str]:
    return set(re.findall(r"\bagentgateway_\w+", expression))


def test_the_files_are_what_the_program_writes(tmp_path: Path) -> None:
    assert stale(ROOT / FOLDER) == []
    assert stale(tmp_path) == sorted(files())


def test_a_file_that_is_not_ours_is_found(tmp_path: Path) -> None:
    for name, text in files().items():
        (tmp_path / name).write_bytes(text)
    assert stale(tmp_path) == []
    (tmp_path / "by-hand.json").write_text("{}")
    assert stale(tmp_path) == ["by-hand.json"]


@pytest.mark.parametrize("name", sorted(files()))
def test_a_dashboard_is_what_grafana_reads(name: str) -> None:
    page = json.loads((ROOT / FOLDER / name).read_text())
    assert page["schemaVersion"] == SCHEMA_VERSION
    assert page["uid"] == name.removesuffix(".json")
    assert len(page["uid"]) <= 40
    ids = [panel["id"] for panel in page["panels"]]
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert [variable["name"] for variable in page["templating"]["list"]] == [
        "datasource",
        "namespace",
        "route",
        "model",
    ]
    for variable in page["templating"]["list"][1:]:
        assert (variable["includeAll"], variable["allValue"]) == (True, ".*")
    known = {"datasource", "namespace", "route", "model", "__rate_interval", "__range"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(page["panels"]))) <= known
    assert "@" not in json.dumps([panel.get("targets") for panel in page["panels"]])


@pytest.mark.parametrize("name", sorted(files()))
def test_no_panel_lies_on_another(name: str) -> None:
    taken: dict[tuple[int, int], int] = {}
    for panel in json.loads((ROOT / FOLDER / name).read_text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= COLUMNS
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["id"]) == panel["id"]


def test_titles_and_uids_are_unique() -> None:
    uids = [dashboard.uid for dashboard in DASHBOARDS]
    assert len(set(uids)) == len(uids)
    for dashboard in DASHBOARDS:
        titles = [(row.title, panel.title) for row in dashboard.rows for panel in row.panels]
        assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=lambda panel: panel.title)
def test_a_panel_says_what_it_means_and_asks_for_what_there_is(panel: Panel) -> None:
    assert len(panel.about) > 30
    assert panel.about.endswith(".")
    for query in panel.queries:
        asked = series_in(query.expr)
        assert asked
        assert {metric_of(series) for series in asked} <= set(METRICS) | PROCESS
        if panel.kind == "table":
            assert query.legend
    assert {name for name, _ in panel.columns} <= {query.legend for query in panel.queries}


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=lambda panel: panel.title)
def test_a_panel_asks_for_labels_that_its_metrics_have(panel: Panel) -> None:
    """A matcher on a label that is not there never matches; a sum by one is a sum of everything."""
    for query in panel.queries:
        has = set(TARGET_LABELS)
        for series in series_in(query.expr):
            metric = METRICS.get(metric_of(series))
            has |= set(metric.labels) if metric else set()
        named = set(re.findall(r"\bby \(([^)]*)\)", query.expr))
        wanted = {label for names_ in named for label in re.split(r", *", names_)}
        wanted |= set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query.expr))
        wanted |= {"route"} if "@route" in query.expr else set()
        wanted |= {"route", "gen_ai_request_model"} if "@model" in query.expr else set()
        assert wanted <= has, query.expr
        assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= {
            label for n in named for label in re.split(r", *", n)
        }


def test_every_metric_of_an_operator_is_on_a_dashboard_or_named_here() -> None:
    shown = {metric_of(series) for _, panel in PANELS for query in panel.queries for series in series_in(query.expr)}
    left_out = {
        "retries_total": "attempts given up say more: abandoned_attempts_total",
        "upstream_connections": "the pool by state says it: upstream_pool_connections",
        "tokio_global_queue_depth": "the loop's lag under another name",
        "mcp_requests_total": "has no samples here",
        "process_rss": "process_resident_memory_bytes under another name",
    }
    assert {name for name in METRICS if name not in shown} == {f"agentgateway_{name}" for name in left_out}
