"""The table: internally sound, and equal to what existing dashboards were built on."""

import re

import pytest

from sluice.relay.record import ADDED_BUCKETS_S, GAP_BUCKETS_S
from sluice.telemetry import names, policy_names, server_names, stream_names
from sluice.telemetry.metric import Metric
from sluice.telemetry.names import METRICS

ROUTE = {"bind", "gateway", "listener", "route", "route_rule"}
HTTP = ROUTE | {"backend", "protocol", "method", "status", "reason"}
LLM = ROUTE | {"gen_ai_operation_name", "gen_ai_system", "gen_ai_request_model", "gen_ai_response_model"}
LISTENER = {"bind", "gateway", "listener", "protocol"}

COMPAT: list[tuple[str, str, set[str], str]] = [
    (
        "gen_ai_client_token_usage",
        "histogram",
        LLM | {"gen_ai_token_type"},
        "1,4,16,64,256,1024,4096,16384,65536,262144,1048576,4194304,16777216,67108864",
    ),
    (
        "gen_ai_server_request_duration",
        "histogram",
        LLM,
        "0.01,0.02,0.04,0.08,0.16,0.32,0.64,1.28,2.56,5.12,10.24,20.48,40.96,81.92",
    ),
    (
        "gen_ai_server_time_to_first_token",
        "histogram",
        LLM,
        "0.001,0.005,0.01,0.02,0.04,0.06,0.08,0.1,0.25,0.5,0.75,1,2.5,5,7.5,10",
    ),
    (
        "gen_ai_server_time_per_output_token",
        "histogram",
        LLM,
        "0.001,0.01,0.025,0.05,0.075,0.1,0.15,0.2,0.3,0.4,0.5,0.75,1,2.5",
    ),
    ("requests_total", "counter", HTTP, ""),
    ("request_duration_seconds", "histogram", HTTP, "0.001,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,30,80"),
    (
        "request_processing_seconds",
        "histogram",
        ROUTE | {"backend"},
        "0.00005,0.0001,0.00025,0.0005,0.001,0.0025,0.005,0.01,0.05,0.25",
    ),
    (
        "response_processing_seconds",
        "histogram",
        ROUTE | {"backend"},
        "0.00005,0.0001,0.00025,0.0005,0.001,0.0025,0.005,0.01,0.05,0.25",
    ),
    ("response_bytes_total", "counter", HTTP, ""),
    ("retries_total", "counter", HTTP, ""),
    (
        "upstream_connect_duration_seconds",
        "histogram",
        {"transport"},
        "0.0005,0.0015,0.0043,0.0126,0.0368,0.108,0.316,0.924,2.71,8",
    ),
    ("gen_ai_client_cost_usd_total", "counter", LLM, ""),
    ("cost_catalog_lookups_total", "counter", LLM | {"status"}, ""),
    ("guardrail_checks_total", "counter", ROUTE | {"phase", "action"}, ""),
    (
        "tls_handshake_duration_seconds",
        "histogram",
        LISTENER,
        "0.0005,0.0015,0.0043,0.0126,0.0368,0.108,0.316,0.924,2.71,8",
    ),
    (
        "upstream_call_duration_seconds",
        "histogram",
        {"kind", "subtype"},
        "0.001,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,30,80",
    ),
    ("mcp_requests_total", "counter", ROUTE | {"method", "resource", "server"}, ""),
    ("downstream_connections_total", "counter", LISTENER, ""),
    ("downstream_received_bytes_total", "counter", LISTENER, ""),
    ("downstream_sent_bytes_total", "counter", LISTENER, ""),
    ("build_info", "info", {"tag"}, ""),
    ("tokio_num_alive_tasks", "gauge", set(), ""),
    ("tokio_global_queue_depth", "gauge", set(), ""),
    ("tokio_num_workers", "gauge", set(), ""),
]
"""compat-agentgateway 4.1, copied by hand."""


@pytest.mark.parametrize(("name", "kind", "labels", "buckets"), COMPAT)
def test_a_row_of_the_compatible_part_is_as_dashboards_expect(
    name: str, kind: str, labels: set[str], buckets: str
) -> None:
    row = next(metric for metric in METRICS if metric.name == name)
    assert (row.kind, set(row.labels) - {"outcome"}) == (kind, labels)
    assert row.buckets == tuple(float(bound) for bound in buckets.split(",") if bound)


def test_the_outcome_is_beside_the_compatible_labels_where_it_tells_more_than_they_do() -> None:
    compatible = {name for name, *_ in COMPAT}
    assert {row.name for row in METRICS if "outcome" in row.labels and row.name in compatible} == {
        "requests_total",
        "request_duration_seconds",
        "response_bytes_total",
        "retries_total",
        "gen_ai_server_request_duration",
    }


def test_a_time_to_the_first_token_may_be_above_what_alerts_ask_for() -> None:
    assert stream_names.TTFT_DELIVERED.buckets[-1] > 30


def test_inter_token_buckets_are_those_the_meter_sorts_into() -> None:
    assert stream_names.INTER_TOKEN.buckets is GAP_BUCKETS_S
    assert stream_names.EVENT_ADDED.buckets is ADDED_BUCKETS_S


def test_every_metric_of_the_module_is_in_the_table_once() -> None:
    tables = (names, policy_names, server_names, stream_names)
    rows = [value for table in tables for value in vars(table).values() if isinstance(value, Metric)]
    assert sorted(row.name for row in METRICS) == sorted({row.name for row in rows})


@pytest.mark.parametrize("row", METRICS, ids=lambda row: row.name)
def test_a_row_is_sound(row: Metric) -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", word) for word in (row.name, *row.labels))
    assert len(set(row.labels)) == len(row.labels)
    assert row.name.endswith("_total") == (row.kind == "counter")
    assert row.name.endswith("_info") == (row.kind == "info")
    assert bool(row.buckets) == (row.kind == "histogram")
    assert list(row.buckets) == sorted(set(row.buckets))
    assert row.help.endswith(".")
    assert "\n" not in row.help
    assert "\\" not in row.help


def test_the_tokio_names_do_not_pretend() -> None:
    assert "asyncio tasks" in server_names.TASKS.help
    assert "Worker processes" in server_names.WORKERS.help
    assert "uvloop" in server_names.QUEUE_DEPTH.help
