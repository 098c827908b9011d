"""The text of a scrape, exact, and as prometheus_client reads it."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from sluice.telemetry import exposition, metric, names, server_names

FAMILIES: list[tuple[metric.Metric, exposition.Series]] = [
    (server_names.SENT_BYTES, {("8080/a/b", 'g"\\\n', "http", "http"): [12]}),
    (server_names.LOOP_LAG, {(): [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3.25]}),
    (names.UPSTREAM_CONNECT, {}),
    (server_names.BUILD_INFO, {("0.1.0",): [1]}),
    (server_names.ACTIVE_STREAMS, {(): [3]}),
]

CLASSIC = r"""# HELP p_downstream_sent_bytes_total Bytes written to clients.
# TYPE p_downstream_sent_bytes_total counter
p_downstream_sent_bytes_total{bind="8080/a/b",gateway="g\"\\\n",listener="http",protocol="http"} 12
# HELP p_event_loop_lag_seconds How much later than asked the event loop woke a timer, in seconds.
# TYPE p_event_loop_lag_seconds histogram
p_event_loop_lag_seconds_bucket{le="0.0005"} 1
p_event_loop_lag_seconds_bucket{le="0.001"} 1
p_event_loop_lag_seconds_bucket{le="0.0025"} 3
p_event_loop_lag_seconds_bucket{le="0.005"} 3
p_event_loop_lag_seconds_bucket{le="0.01"} 3
p_event_loop_lag_seconds_bucket{le="0.02"} 3
p_event_loop_lag_seconds_bucket{le="0.05"} 3
p_event_loop_lag_seconds_bucket{le="0.1"} 3
p_event_loop_lag_seconds_bucket{le="0.25"} 3
p_event_loop_lag_seconds_bucket{le="0.5"} 3
p_event_loop_lag_seconds_bucket{le="1.0"} 3
p_event_loop_lag_seconds_bucket{le="2.5"} 3
p_event_loop_lag_seconds_bucket{le="+Inf"} 4
p_event_loop_lag_seconds_count 4
p_event_loop_lag_seconds_sum 3.25
# HELP p_upstream_connect_duration_seconds Seconds that a new connection to a provider took, TLS included. Pooled connections are not counted.
# TYPE p_upstream_connect_duration_seconds histogram
# HELP p_build_info The version that runs.
# TYPE p_build_info gauge
p_build_info{tag="0.1.0"} 1
# HELP p_active_streams Streams that are open now.
# TYPE p_active_streams gauge
p_active_streams 3
"""  # noqa: E501 - the text as it is sent


class _Families:
    """A collector that gives what was parsed back to the library's own writer."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> list[Metric]:
        return self._families


def _parse(text: str, openmetrics: bool) -> list[Metric]:
    if openmetrics:
        return list(openmetrics_parser.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    return list(text_string_to_metric_families(text))


def test_the_classic_text() -> None:
    assert exposition.write(FAMILIES, "p_", openmetrics=False) == CLASSIC


def test_openmetrics_names_families_without_suffix_and_tells_the_units_that_names_carry() -> None:
    heads = [line for line in exposition.write(FAMILIES, "p_", openmetrics=True).splitlines() if line.startswith("# ")]
    assert [head for head in heads if not head.startswith("# HELP")] == [
        "# TYPE p_downstream_sent_bytes counter",
        "# UNIT p_downstream_sent_bytes bytes",
        "# TYPE p_event_loop_lag_seconds histogram",
        "# UNIT p_event_loop_lag_seconds seconds",
        "# TYPE p_upstream_connect_duration_seconds histogram",
        "# UNIT p_upstream_connect_duration_seconds seconds",
        "# TYPE p_build info",
        "# TYPE p_active_streams gauge",
        "# UNIT p_active_streams streams",
    ]


@pytest.mark.parametrize("openmetrics", [False, True])
def test_the_library_reads_our_text_as_it_reads_its_own(openmetrics: bool) -> None:
    ours = _parse(exposition.write(FAMILIES, "p_", openmetrics=openmetrics) + "# EOF\n" * openmetrics, openmetrics)
    accept = "application/openmetrics-text; version=1.0.0" if openmetrics else ""
    registry = CollectorRegistry()
    registry.register(_Families(ours))
    theirs = _parse(choose_encoder(accept)[0](registry).decode(), openmetrics)
    assert theirs == ours
    assert sum(len(family.samples) for family in ours) == 18


@pytest.mark.parametrize("openmetrics", [False, True])
@given(value=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_every_label_value_comes_back(openmetrics: bool, value: str) -> None:
    text = exposition.write([(names.UPSTREAM_CONNECT, {(value,): [1, *[0] * 10, 0.1]})], "", openmetrics=openmetrics)
    (family,) = _parse(text + "# EOF\n" * openmetrics, openmetrics)
    assert {sample.labels["transport"] for sample in family.samples} == {value}


@given(st.lists(st.integers(min_value=0, max_value=1 << 40), min_size=12, max_size=12))
def test_buckets_are_cumulative_and_the_last_is_the_count(counts: list[int]) -> None:
    text = exposition.write([(names.UPSTREAM_CONNECT, {("tls",): [*counts[:11], 1.5]})], "", openmetrics=True)
    (family,) = _parse(text + "# EOF\n", openmetrics=True)
    values = [sample.value for sample in family.samples]
    assert values == [*(sum(counts[: end + 1]) for end in range(11)), sum(counts[:11]), 1.5]


@pytest.mark.parametrize(
    ("value", "shown"), [(3.0, "3"), (0.5, "0.5"), (-2.0, "-2"), (float("inf"), "inf"), (float("nan"), "nan")]
)
def test_a_whole_number_has_no_point_and_no_number_breaks_the_scrape(value: float, shown: str) -> None:
    text = exposition.write([(server_names.ACTIVE_STREAMS, {(): [value]})], "p_", openmetrics=False)
    assert text.endswith(f" {shown}\n")
