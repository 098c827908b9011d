"""Records in, a scrape out: through the library's parsers, as Prometheus would read it."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from sluice.chat.usage import Usage
from sluice.policies.charge import CostFacts
from sluice.policies.cost import USD, Cost
from sluice.relay.record import ExchangeRecord, StreamFacts
from sluice.telemetry import names, stream_names
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.stream_names import STALLED, STALLS

from .records import NOT_FOUND, PLAIN, ROUTE, STREAM, plain, stream

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)

LABS_QUERIES: list[tuple[str, set[str]]] = [
    ("requests_total", {"status", "route", "method", "backend", "reason", "gateway", "protocol", "bind"}),
    ("request_duration_seconds_bucket", {"le", "route", "method"}),
    ("request_duration_seconds_count", {"route"}),
    ("request_duration_seconds_sum", {"route"}),
    ("response_bytes_total", {"route", "method", "backend"}),
    ("gen_ai_client_token_usage_sum", {"gen_ai_token_type", "gen_ai_response_model", "gen_ai_request_model"}),
    ("gen_ai_client_token_usage_count", {"gen_ai_token_type", "gateway"}),
    ("gen_ai_client_token_usage_bucket", {"gen_ai_token_type", "le"}),
    ("gen_ai_server_request_duration_count", {"gen_ai_response_model"}),
    ("gen_ai_server_request_duration_sum", {"gen_ai_response_model"}),
    ("gen_ai_server_request_duration_bucket", {"le", "gen_ai_response_model", "gen_ai_system", "gen_ai_request_model"}),
    ("gen_ai_server_time_to_first_token_bucket", {"le", "gen_ai_request_model", "gateway"}),
    ("gen_ai_server_time_to_first_token_count", set()),
    ("gen_ai_server_time_to_first_token_sum", set()),
    ("gen_ai_server_time_per_output_token_bucket", {"le"}),
    ("gen_ai_server_time_per_output_token_count", set()),
    ("gen_ai_server_time_per_output_token_sum", set()),
    ("downstream_connections_total", {"protocol"}),
    ("upstream_connect_duration_seconds_bucket", {"le", "transport"}),
    ("tokio_num_alive_tasks", set()),
    ("tokio_global_queue_depth", set()),
    ("tokio_num_workers", set()),
    ("build_info", {"tag"}),
]
"""Every series and label that the dashboard of labs 4.1 and the alerts of 4.5 ask of a gateway. Not among them: the
labels `user_org` and `user_name`, which are custom, and the series of NOT_SERVED."""

NOT_SERVED = {"mcp_requests_total", "guardrail_checks_total"}
"""Also asked for: a protocol that is not served here, and guards, which these records had none of. Of both there is a
head and no sample."""
FOUR = ("time_to_first_byte", "time_to_first_event", "time_to_first_token", "time_to_first_token_delivered")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(metrics: Metrics, accept: str = OPENMETRICS) -> Samples:
    """Return name (without prefix) and labels -> value."""
    content_type, body = metrics.render(accept)
    parse = (
        openmetrics_parser.text_string_to_metric_families
        if content_type.startswith("application/openmetrics-text")
        else text_string_to_metric_families
    )
    return {
        (sample.name.removeprefix("agentgateway_"), frozenset(sample.labels.items())): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float | None:
    """Return the sum of the series with these labels, as `sum(name{labels})` would; None = no series."""
    values = [value for (series, have), value in samples.items() if series == name and set(labels.items()) <= set(have)]
    return sum(values) if values else None


def counted(*records: ExchangeRecord, max_series: int = 2_000) -> Metrics:
    metrics = Metrics("agentgateway_", "0.1.0", max_series=max_series)
    metrics.runtime = dict
    for record in records:
        metrics.observe(record)
    return metrics


# -- the exposition ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["classic", "openmetrics"])
def test_every_query_of_the_labs_finds_its_series_and_labels(accept: str) -> None:
    metrics = counted(STREAM, NOT_FOUND)
    metrics.connection_opened("8080/a/b", "a/b", "http", "http")
    samples = scrape(metrics, accept)
    have = {name: {key for key, _ in labels} for name, labels in samples}
    missing = {name: labels - have.get(name, set()) for name, labels in LABS_QUERIES}
    assert {name: labels for name, labels in missing.items() if labels or name not in have} == {}
    assert have.keys().isdisjoint(NOT_SERVED)


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["classic", "openmetrics"])
def test_every_row_of_the_table_is_declared_in_both_formats(accept: str) -> None:
    body = counted().render(accept)[1].decode()
    for row in names.METRICS:
        name = row.name.removesuffix("_total").removesuffix("_info") if accept else row.name
        assert f"# TYPE agentgateway_{name} " in body


def test_both_formats_say_the_same() -> None:
    metrics = counted(STREAM, PLAIN, NOT_FOUND)
    classic, openmetrics = scrape(metrics, ""), scrape(metrics, OPENMETRICS)
    process = {key for key in classic if key[0].startswith(("process_", "cgroup_"))}
    assert {key: classic[key] for key in classic.keys() - process} == {
        key: openmetrics[key] for key in openmetrics.keys() - process
    }


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ],
)
def test_the_accept_header_chooses_the_format(accept: str, content_type: str) -> None:
    kind, body = counted(STREAM).render(accept)
    assert kind == content_type
    assert body.endswith(b"# EOF\n") == kind.startswith("application/")
    assert body.count(b"# EOF") == kind.startswith("application/")


def test_the_process_is_measured_under_the_same_prefix() -> None:
    samples = scrape(counted())
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert (total(samples, name) or 0) > 0


def test_the_prefix_is_a_choice() -> None:
    body = Metrics("sluice_", "1").render("")[1].decode()
    assert {line.split("_")[0] for line in body.splitlines() if not line.startswith("#")} == {"sluice"}


@pytest.mark.parametrize("prefix", ["9lives_", "a b", "ä_", "a-b", "\n"])
def test_a_prefix_that_would_spoil_every_name_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Metrics(prefix, "1")


# -- exchanges --------------------------------------------------------------------------------------------------------


def test_a_stream_is_counted_everywhere() -> None:
    samples = scrape(counted(STREAM, STREAM))
    http = {
        "bind": ROUTE.bind,
        "gateway": ROUTE.gateway,
        "listener": "http",
        "route": ROUTE.route,
        "route_rule": "0",
        "backend": ROUTE.backend,
        "protocol": "llm",
        "method": "POST",
        "status": "200",
        "reason": "Upstream",
        "outcome": "completed",
    }
    assert samples["requests_total", frozenset(http.items())] == 2
    assert samples["response_bytes_total", frozenset(http.items())] == 120_000
    assert samples["request_duration_seconds_count", frozenset(http.items())] == 2
    llm = {"gen_ai_operation_name": "chat", "gen_ai_system": "openai", "gen_ai_request_model": "gpt-4o-mini"}
    llm["gen_ai_response_model"] = "gpt-4o-mini-2024-07-18"
    assert total(samples, "gen_ai_client_token_usage_sum", gen_ai_token_type="input", **llm) == 136
    assert total(samples, "gen_ai_client_token_usage_sum", gen_ai_token_type="output", **llm) == 596
    assert total(samples, "gen_ai_server_request_duration_sum", **llm) == pytest.approx(2 * 2.24241)
    assert total(samples, "gen_ai_server_time_to_first_token_sum", **llm) == pytest.approx(2 * 0.31234567)
    assert total(samples, "gen_ai_server_time_to_first_token_bucket", le="0.25", **llm) == 0
    assert total(samples, "gen_ai_server_time_to_first_token_bucket", le="0.5", **llm) == 2
    assert total(samples, "gen_ai_server_time_per_output_token_sum", **llm) == pytest.approx(2 * 0.00635574)
    assert total(samples, "request_processing_seconds_sum") == pytest.approx(0.0008)
    assert total(samples, "response_processing_seconds_sum") == pytest.approx(0.0004)
    assert total(samples, "upstream_connect_duration_seconds_count", transport="tls") == 2
    assert total(samples, "stream_outcomes_total", outcome="completed", gen_ai_system="openai", route=ROUTE.route) == 2


def test_the_gaps_of_a_stream_are_added_bucket_by_bucket() -> None:
    samples = scrape(counted(STREAM, STREAM))
    name = "gen_ai_server_inter_token_latency"
    at = [total(samples, f"{name}_bucket", le=le) for le in ("0.0025", "0.005", "0.01", "2.5", "5.0", "10.0", "+Inf")]
    assert at == [0, 580, 590, 590, 592, 592, 594]
    assert total(samples, f"{name}_count") == 594
    assert total(samples, f"{name}_sum") == 37.0


def test_an_answer_that_did_not_stream_has_no_ttft_no_tpot_no_gaps_and_no_stream_outcome() -> None:
    samples = scrape(counted(plain(stream=StreamFacts(first_token_s=0.2), tpot_s=0.1)))
    assert total(samples, "gen_ai_server_request_duration_count") == 1
    for name in (*FOUR, "time_per_output_token", "inter_token_latency"):
        assert total(samples, f"gen_ai_server_{name}_count") is None
    for name in ("stream_outcomes_total", "stream_stalls_total", "stream_event_added_seconds_count"):
        assert total(samples, name) is None


def test_the_four_stamps_of_a_stream_are_told_apart_and_by_outcome() -> None:
    samples = scrape(counted(STREAM, STREAM, stream(outcome="timeout")))
    sums = [total(samples, f"gen_ai_server_{name}_sum") for name in FOUR]
    assert sums == [pytest.approx(3 * seconds) for seconds in (0.3, 0.31, 0.31234567, 0.35)]
    for name in ("time_to_first_byte", "time_to_first_event", "time_to_first_token_delivered"):
        assert total(samples, f"gen_ai_server_{name}_count", outcome="completed") == 2
        assert total(samples, f"gen_ai_server_{name}_count", outcome="timeout") == 1


def test_stalls_and_the_gateways_own_time_per_event_are_added_up() -> None:
    samples = scrape(counted(STREAM, STREAM))
    assert total(samples, "stream_stalls_total", outcome="completed", gen_ai_system="openai") == 4
    assert total(samples, "stream_stalled_seconds_total", outcome="completed") == 33.0
    name = "stream_event_added_seconds"
    at = [total(samples, f"{name}_bucket", le=le) for le in ("1e-05", "2.5e-05", "5e-05", "0.0005", "0.001", "+Inf")]
    assert at == [0, 20, 36, 36, 38, 38]
    assert total(samples, f"{name}_sum", backend=ROUTE.backend) == pytest.approx(0.003)


def test_a_stream_that_did_not_stall_begins_its_counters_at_zero() -> None:
    samples = scrape(counted(stream(stream=StreamFacts())))
    assert total(samples, "stream_stalls_total", outcome="completed") == 0
    assert total(samples, "stream_stalled_seconds_total", outcome="completed") == 0


def test_calls_are_counted_by_kind_whether_records_tell_of_them_or_others() -> None:
    metrics = counted(STREAM, plain(protocol="http", calls_s=(3.0,)), NOT_FOUND)
    metrics.calls("Policy", "Guardrail")(0.02)
    metrics.calls("Policy", "Guardrail")(0.03)
    samples = scrape(metrics)
    name = "upstream_call_duration_seconds"
    assert total(samples, f"{name}_count", kind="Primary", subtype="Llm") == 2
    assert total(samples, f"{name}_sum", kind="Primary", subtype="Llm") == pytest.approx(0.33)
    assert total(samples, f"{name}_bucket", kind="Primary", subtype="Http", le="5.0") == 1
    assert total(samples, f"{name}_sum", kind="Policy", subtype="Guardrail") == pytest.approx(0.05)


def test_a_stream_without_tokens_observes_no_ttft() -> None:
    samples = scrape(counted(stream(stream=StreamFacts(), tpot_s=None, usage=None, outcome="upstream_truncated")))
    assert total(samples, "gen_ai_server_time_to_first_token_count") == 0
    assert total(samples, "gen_ai_server_time_per_output_token_count") == 0
    assert total(samples, "gen_ai_client_token_usage_count") is None
    assert total(samples, "stream_outcomes_total", outcome="upstream_truncated") == 1


@pytest.mark.parametrize("changes", [{"protocol": "http"}, {"operation": ""}])
def test_gen_ai_metrics_need_an_llm_exchange_with_a_known_operation(changes: Mapping[str, str]) -> None:
    samples = scrape(counted(stream(**changes)))
    assert {name for name, _ in samples if name.startswith("gen_ai_")} == set()
    assert total(samples, "requests_total") == 1


DIFFERENT = [
    plain(usage=None),
    PLAIN,
    plain(streaming=True),
    plain(streaming=True, outcome="client_gone"),
    plain(streaming=True, outcome="timeout"),
    plain(method="GET"),
    plain(status=500),
    plain(reason="Timeout"),
    plain(protocol="http"),
    plain(operation="embeddings"),
    plain(provider="azure"),
    plain(request_model="m"),
    plain(response_model="m"),
    plain(route=msgspec.structs.replace(ROUTE, backend="b")),
    plain(route=msgspec.structs.replace(ROUTE, route_rule="1")),
]


@pytest.mark.parametrize("records", [DIFFERENT, DIFFERENT[::-1]], ids=["forward", "backward"])
def test_an_exchange_counted_before_never_lends_its_labels_to_another(records: list[ExchangeRecord]) -> None:
    alone = [scrape(counted(record)) for record in records]
    together = scrape(counted(*records))
    for key in {key for samples in alone for key in samples if not key[0].startswith(("process_", "cgroup_"))}:
        if key[0] != "build_info":
            assert together[key] == pytest.approx(sum(samples.get(key, 0) for samples in alone)), key


def test_what_is_missing_is_unknown_and_never_empty() -> None:
    samples = scrape(counted(NOT_FOUND, plain(request_model="", response_model="", provider="")))
    assert all(value for _, labels in samples for _, value in labels)
    assert total(samples, "requests_total", route="unknown", backend="unknown", gateway="unknown", status="404") == 1
    unknown = {"gen_ai_request_model": "unknown", "gen_ai_response_model": "unknown", "gen_ai_system": "unknown"}
    assert total(samples, "gen_ai_server_request_duration_count", **unknown) == 1


def test_a_request_that_never_left_adds_nothing_to_the_processing_times() -> None:
    samples = scrape(counted(NOT_FOUND))
    assert total(samples, "request_processing_seconds_count") == 0
    assert total(samples, "response_processing_seconds_count") == 0


def test_cached_tokens_are_types_of_their_own() -> None:
    usage = Usage(input_tokens=100, output_tokens=1, cache_read_tokens=60, cache_write_tokens=30)
    samples = scrape(counted(plain(usage=usage), PLAIN))
    kinds = ("input", "output", "input_cache_read", "input_cache_write")
    sums = [total(samples, "gen_ai_client_token_usage_sum", gen_ai_token_type=kind) for kind in kinds]
    assert sums == [168, 299, 60, 30]
    assert total(samples, "gen_ai_client_token_usage_count", gen_ai_token_type="input_cache_read") == 1


def test_retries_and_malformed_events_are_counted_when_there_are_any() -> None:
    samples = scrape(counted(plain(attempts=3), stream(stream=StreamFacts(malformed=4)), PLAIN))
    assert total(samples, "retries_total", route=ROUTE.route) == 2
    assert total(samples, "malformed_events_total", gen_ai_system="openai", route=ROUTE.route) == 4


@given(st.lists(st.floats(min_value=0, max_value=200), min_size=1, max_size=40))
@settings(max_examples=50)
def test_each_bucket_holds_the_durations_up_to_its_bound(durations: list[float]) -> None:
    samples = scrape(counted(*(plain(duration_s=duration) for duration in durations)))
    for row, name in (
        (names.REQUEST_DURATION, "request_duration_seconds"),
        (names.LLM_DURATION, "gen_ai_server_request_duration"),
    ):
        for bound in row.buckets:
            below = sum(duration <= bound for duration in durations)
            assert total(samples, f"{name}_bucket", le=str(bound)) == below
        assert total(samples, f"{name}_bucket", le="+Inf") == len(durations)
        assert total(samples, f"{name}_count") == len(durations)
        assert total(samples, f"{name}_sum") == pytest.approx(sum(durations))


# -- what clients choose ----------------------------------------------------------------------------------------------


def test_ten_thousand_models_of_a_client_stay_bounded_and_none_is_lost() -> None:
    paid = CostFacts(cost=Cost(input=USD, status="Exact"), usage=Usage(input_tokens=1))
    named = (f"model-{number}" for number in range(10_000))
    metrics = counted(*(stream(request_model=name, response_model="", money=paid) for name in named))
    body = metrics.render("")[1].decode()  # 100,000 samples: a parser would take ten seconds
    for row in names.MODEL_FAMILIES:
        suffix = "_count" if row.kind == "histogram" else ""
        values = [
            line.rpartition(" ")[2]
            for line in body.splitlines()
            if line.startswith(f"agentgateway_{row.name}{suffix}{{")
        ]
        assert 1_000 <= len(values) <= 2_000 + 4
        each = {names.TOKEN_USAGE: 2, stream_names.INTER_TOKEN: 297, STALLS: 2, STALLED: 16.5}.get(row, 1)
        assert sum(map(float, values)) == 10_000 * each
    assert len(metrics._exchanges._bound) <= 2_000


def test_when_one_family_is_full_a_model_is_other_in_all_of_them() -> None:
    samples = scrape(counted(*(stream(request_model=f"m{number}") for number in range(50)), max_series=20))
    models: dict[str, set[str]] = {}
    for name, labels in samples:
        model = dict(labels).get("gen_ai_request_model")
        if model is not None and name.endswith(("_count", "outcomes_total")):
            models.setdefault(name, set()).add(model)
    (shared,) = {frozenset(have) for have in models.values()}
    assert shared == {"other", *(f"m{number}" for number in range(10))}


def test_known_models_keep_their_series_when_the_families_are_full() -> None:
    crowd = [stream(request_model=f"m{number}") for number in range(100)]
    samples = scrape(counted(STREAM, *crowd, STREAM, max_series=20))
    assert total(samples, "gen_ai_server_request_duration_count", gen_ai_request_model="gpt-4o-mini") == 2


def test_a_huge_model_name_is_cut_and_not_remembered() -> None:
    metrics = counted(stream(request_model="x" * 1_000_000), stream(request_model="x" * 1_000_000))
    assert total(scrape(metrics), "gen_ai_server_request_duration_count", gen_ai_request_model="x" * 128) == 2
    assert len(metrics._exchanges._bound) == 0


ANY_TEXT = st.text(alphabet=st.characters(), max_size=150)


@given(method=ANY_TEXT, request_model=ANY_TEXT, response_model=ANY_TEXT, provider=ANY_TEXT)
@settings(max_examples=100)
def test_whatever_a_client_sends_the_scrape_can_be_read(
    method: str, request_model: str, response_model: str, provider: str
) -> None:
    record = stream(method=method, request_model=request_model, response_model=response_model, provider=provider)
    shown = {"requests_total", "gen_ai_server_request_duration"}  # parsers are slow, and labels are labels
    metrics = Metrics("agentgateway_", "1", removed={row.name for row in names.METRICS} - shown)
    metrics.observe(record)
    metrics.observe(record)
    for accept in ("", OPENMETRICS):
        samples = scrape(metrics, accept)
        assert total(samples, "requests_total") == 2
        assert total(samples, "gen_ai_server_request_duration_count") == 2


# -- this server ------------------------------------------------------------------------------------------------------


def test_the_network_adds_to_a_handle() -> None:
    metrics = counted()
    labels = ("8080/a/b", "a/b", "http", "https")
    handle = metrics.connection_opened(*labels)
    assert metrics.connection_opened(*labels) is handle
    assert metrics.listener(*labels) is handle
    assert metrics.connection_opened("", "", "", "").sent == 0
    handle.sent += 10
    handle.sent += 5
    handle.received += 7
    samples = scrape(metrics)
    key = frozenset(zip(names.LISTENER_LABELS, labels, strict=True))
    assert samples["downstream_connections_total", key] == 2
    assert samples["downstream_sent_bytes_total", key] == 15
    assert total(samples, "downstream_connections_total", bind="unknown", protocol="unknown") == 1
    assert samples["downstream_received_bytes_total", key] == 7


def test_streams_are_active_between_start_and_end() -> None:
    metrics = counted()
    metrics.stream_started()
    metrics.stream_started()
    metrics.stream_ended()
    assert metrics.streams_active == 1
    assert total(scrape(metrics), "active_streams") == 1


def test_loop_lag_is_a_histogram() -> None:
    metrics = counted()
    metrics.loop_lag(0.0007)
    metrics.loop_lag(9.0)
    samples = scrape(metrics)
    assert total(samples, "event_loop_lag_seconds_bucket", le="0.001") == 1
    assert total(samples, "event_loop_lag_seconds_count") == 2
    assert total(samples, "event_loop_lag_seconds_sum") == 9.0007


def test_the_depth_of_the_queue_is_how_late_the_loop_is() -> None:
    metrics = counted()
    for _ in range(100):
        metrics.loop_lag(0.025)
    assert total(scrape(metrics), "tokio_global_queue_depth") == pytest.approx(25, abs=0.01)
    for _ in range(100):
        metrics.loop_lag(0.0)
    assert total(scrape(metrics), "tokio_global_queue_depth") == pytest.approx(0, abs=0.01)


def test_a_listener_with_tls_tells_how_long_handshakes_took() -> None:
    metrics = counted()
    metrics.connection_opened("443/a/b", "a/b", "https", "https").shook_hands(0.002)
    metrics.connection_opened("80/a/b", "a/b", "http", "http")
    samples = scrape(metrics)
    assert total(samples, "tls_handshake_duration_seconds_bucket", listener="https", le="0.0043") == 1
    assert total(samples, "tls_handshake_duration_seconds_count", listener="http") is None


def test_numbers_by_one_label_are_asked_for_at_scrape_by_their_name() -> None:
    metrics = counted()
    metrics.by_label["upstream_pool_connections"] = lambda: {"busy": 2, "idle": 5}
    metrics.by_label["traces_exported_total"] = lambda: {"sent": 7}
    samples = scrape(metrics)
    assert total(samples, "upstream_pool_connections", state="busy") == 2
    assert total(samples, "upstream_pool_connections", state="idle") == 5
    assert total(samples, "traces_exported_total", result="sent") == 7
    assert total(samples, "upstream_requests_total") is None


def test_what_is_removed_is_not_shown_however_it_is_named() -> None:
    removed = ("agentgateway_requests_total", "retries", "build_info", "gen_ai_server_time_to_first_token")
    metrics = Metrics("agentgateway_", "1", removed=removed)
    metrics.observe(STREAM)
    for accept in ("", OPENMETRICS):
        text = metrics.render(accept)[1].decode()
        for gone in ("requests", "retries", "build", "gen_ai_server_time_to_first_token"):
            assert f"# TYPE agentgateway_{gone} " not in text
            assert f"# TYPE agentgateway_{gone}_total " not in text
        assert "agentgateway_build_info" not in text
        assert "# TYPE agentgateway_gen_ai_server_time_to_first_token_delivered " in text
        assert "# TYPE agentgateway_request_duration_seconds " in text


async def test_a_scrape_of_thousands_of_series_lets_the_loop_go_on() -> None:
    metrics = counted(*(msgspec.structs.replace(STREAM, request_model=f"m{n}") for n in range(400)))
    turns, over = 0, asyncio.Event()

    async def others() -> None:
        nonlocal turns
        while not over.is_set():
            turns += 1
            await asyncio.sleep(0)
            if turns == 3:
                metrics.observe(msgspec.structs.replace(STREAM, request_model="begun meanwhile"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(others())
        content_type, body = await metrics.rendered(OPENMETRICS)
        over.set()
    assert turns > 5
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert body.count(b"agentgateway_gen_ai_server_request_duration_count{") >= 400


def test_what_the_library_knows_of_the_process_can_be_removed_too() -> None:
    removed = ("agentgateway_process_cpu_seconds_total", "process_open_fds", "process_rss")
    samples = scrape(Metrics("agentgateway_", "1", removed=removed))
    assert not [name for name, _ in samples if "process_cpu" in name or "open_fds" in name or "rss" in name]
    assert total(samples, "process_start_time_seconds")


def test_runtime_and_dropped_lines_are_asked_for_at_scrape() -> None:
    metrics = counted()
    metrics.runtime = lambda: {"tokio_num_alive_tasks": 12, "tokio_global_queue_depth": 3, "tokio_num_workers": 2}
    metrics.log_lines_dropped = lambda: 7
    samples = scrape(metrics)
    assert total(samples, "tokio_num_alive_tasks") == 12
    assert total(samples, "tokio_global_queue_depth") == 3
    assert total(samples, "tokio_num_workers") == 2
    assert total(samples, "log_lines_dropped_total") == 7


async def test_by_default_the_tasks_of_this_loop_are_counted() -> None:
    metrics = Metrics("agentgateway_", "1")
    gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(gate.wait())
        samples = scrape(metrics)
        gate.set()
    assert total(samples, "tokio_num_alive_tasks") == 4
    assert total(samples, "tokio_num_workers") == 1
    assert total(samples, "tokio_global_queue_depth") == 0


def test_the_build_is_told_by_its_tag() -> None:
    metrics = Metrics("agentgateway_", "0.1.0+g12ab")
    for accept in ("", OPENMETRICS):
        assert scrape(metrics, accept)["build_info", frozenset({("tag", "0.1.0+g12ab")})] == 1
