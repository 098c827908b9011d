"""Many expositions to one: sums that never go back, and what cannot be summed."""

from itertools import count

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from sluice.net.scrape import Totals, add, read
from sluice.policies.observing import Observed
from sluice.telemetry import names
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.policy_names import BUDGET_USED
from tests.telemetry.records import STREAM

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PREFIX = "sluice_"


def metrics(*, exchanges: int = 0, model: str = "m", streams: int = 0) -> Metrics:
    made = Metrics(PREFIX, "1.2")
    for _ in range(exchanges):
        made.observe(msgspec.structs.replace(STREAM, request_model=model))
    made.streams_active = streams
    return made


def supervisor() -> Metrics:
    made = metrics()
    made.runtime = dict
    return made


def text(one: Metrics, accept: str = "") -> str:
    return one.render(accept)[1].decode()


def value(exposition: str, name: str, *labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    wanted = dict(label.split("=") for label in labels).items()
    samples = [sample for family in parse_classic(exposition) for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if wanted <= sample.labels.items())


def test_counters_histograms_and_gauges_are_summed() -> None:
    workers = [metrics(exchanges=3, streams=2), metrics(exchanges=4, streams=5)]
    merged = Totals(PREFIX).merged(
        text(supervisor()), {(n, 1): text(w) for n, w in zip(count(1), workers, strict=False)}
    )
    assert value(merged, "sluice_requests_total") == 7
    assert value(merged, "sluice_gen_ai_server_request_duration_count") == 7
    assert value(merged, "sluice_gen_ai_server_request_duration_bucket", "le=+Inf") == 7
    assert value(merged, "sluice_active_streams") == 7
    assert value(merged, "sluice_tokio_num_workers") == 2
    assert value(merged, "sluice_build_info", "tag=1.2") == 1


def test_numbers_with_a_label_are_summed_label_by_label_and_added_labels_stay_apart() -> None:
    def one(busy: int, *teams: str) -> Metrics:
        made = Metrics(PREFIX, "1.2", labels=("team",))
        made.by_label["upstream_pool_connections"] = lambda: {"busy": busy, "idle": 3}
        made.by_label["upstream_requests_total"] = lambda: {"new": busy}
        for team in teams:
            made.observe(msgspec.structs.replace(STREAM, observed=Observed(labels=(team,))))
        return made

    answers = {(1, 1): text(one(1, "a", "a")), (2, 1): text(one(4, "a", "b"))}
    totals = Totals(PREFIX)
    merged = totals.merged(text(supervisor()), answers)
    assert value(merged, "sluice_upstream_pool_connections", "state=busy") == 5
    assert value(merged, "sluice_upstream_pool_connections", "state=idle") == 6
    assert value(merged, "sluice_upstream_requests_total", "connection=new") == 5
    for name in ("requests_total", "stream_event_added_seconds_bucket", "gen_ai_server_time_to_first_token_count"):
        everyone = value(merged, f"sluice_{name}", *(["le=+Inf"] if name.endswith("bucket") else []))
        ours = [
            value(merged, f"sluice_{name}", f"team={team}", *(["le=+Inf"] if "bucket" in name else [])) for team in "ab"
        ]
        assert ours == [everyone * 3 / 4, everyone / 4], name
    assert value(merged, "sluice_stream_stalls_total") == 8
    totals.retire((1, 1))
    merged = totals.merged(text(supervisor()), {(2, 1): answers[2, 1]})
    assert value(merged, "sluice_upstream_requests_total", "connection=new") == 5, "what was sent stays sent"
    assert value(merged, "sluice_upstream_pool_connections", "state=busy") == 4, "and sockets go"


def test_one_worker_is_shown_as_it_shows_itself() -> None:
    one = text(metrics(exchanges=3, streams=1))
    merged = Totals(PREFIX).merged(text(supervisor()), {(1, 1): one})
    assert counted(merged) == counted(one)


def counted(exposition: str) -> list[str]:
    """Its lines but for those that another moment changes."""
    return [line for line in exposition.split("\n") if "process_" not in line and "cgroup_" not in line]


def test_the_memory_of_the_container_that_all_share_is_said_once() -> None:
    own = "# HELP sluice_cgroup_working_set x\n# TYPE sluice_cgroup_working_set gauge\nsluice_cgroup_working_set 7\n"
    merged = Totals(PREFIX).merged(own, {(1, 1): own, (2, 1): own})
    assert value(merged, "sluice_cgroup_working_set") == 7


def test_what_is_of_a_process_has_its_name() -> None:
    merged = Totals(PREFIX).merged(text(supervisor()), {(1, 1): text(metrics()), (2, 1): text(metrics())})
    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds", "start_time_seconds"):
        for worker in ("supervisor", "1", "2"):
            assert value(merged, f"sluice_process_{name}", f"worker={worker}") > 0


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_both_formats_can_be_read(accept: str) -> None:
    answers = {(n, 1): text(metrics(exchanges=n, model=f"m{n}"), accept) for n in (1, 2, 3)}
    merged = Totals(PREFIX).merged(text(supervisor(), accept), answers)
    parse = parse_openmetrics if accept else parse_classic
    families = {family.name: family for family in parse(merged)}
    requests = families["sluice_requests"]
    assert sum(sample.value for sample in requests.samples) == 6
    models = {s.labels["gen_ai_request_model"] for s in families["sluice_gen_ai_server_request_duration"].samples}
    assert models == {"m1", "m2", "m3"}
    assert merged.count("# EOF") == bool(accept)
    assert len(families) == len({family.key for family in read(text(metrics(), accept))})


def test_a_counter_never_goes_back() -> None:
    totals = Totals(PREFIX)
    own = text(supervisor())
    first = {(1, 1): text(metrics(exchanges=5)), (2, 1): text(metrics(exchanges=7, model="theirs"))}
    assert value(totals.merged(own, first), "sluice_requests_total") == 12
    totals.retire((2, 1))
    alone = {(1, 1): text(metrics(exchanges=6))}
    merged = totals.merged(own, alone)
    assert value(merged, "sluice_requests_total") == 13
    assert value(merged, "sluice_gen_ai_server_request_duration_count", "gen_ai_request_model=theirs") == 7
    successor = alone | {(2, 2): text(metrics(exchanges=1))}
    assert value(totals.merged(own, successor), "sluice_requests_total") == 14
    totals.retire((2, 2))
    assert value(totals.merged(own, alone), "sluice_requests_total") == 14


def test_gauges_are_those_of_the_living() -> None:
    totals = Totals(PREFIX)
    own = text(supervisor())
    both = {(1, 1): text(metrics(streams=5)), (2, 1): text(metrics(streams=7))}
    assert value(totals.merged(own, both), "sluice_active_streams") == 12
    totals.retire((2, 1))
    assert value(totals.merged(own, {(1, 1): both[1, 1]}), "sluice_active_streams") == 5


def test_a_worker_that_ends_while_the_sums_are_written_is_counted_once() -> None:
    totals = Totals(PREFIX)
    one, two = text(metrics(exchanges=3)), text(metrics(exchanges=4))
    pieces = []
    for number, piece in enumerate(totals.merging(text(supervisor()), {(1, 1): one, (2, 1): two})):
        pieces.append(piece)
        if number == 4:
            totals.retire((1, 1))
    assert counted("".join(pieces)) == counted(Totals(PREFIX).merged(text(supervisor()), {(1, 1): one, (2, 1): two}))


def test_of_one_that_does_not_answer_the_last_counters_stand() -> None:
    totals = Totals(PREFIX)
    own = text(supervisor())
    totals.merged(own, {(1, 1): text(metrics(exchanges=5)), (2, 1): text(metrics(exchanges=7, streams=3))})
    merged = totals.merged(own, {(1, 1): text(metrics(exchanges=6)), (2, 1): None})
    assert value(merged, "sluice_requests_total") == 13
    assert value(merged, "sluice_active_streams") == 0


def test_an_answer_that_comes_after_the_end_counts_once() -> None:
    totals = Totals(PREFIX)
    last = text(metrics(exchanges=7))
    totals.note((1, 1), last)
    totals.retire((1, 1))
    merged = totals.merged(text(supervisor()), {(1, 1): last})
    assert value(merged, "sluice_requests_total") == 7


def test_every_family_is_there_before_anything_was_counted() -> None:
    merged = Totals(PREFIX).merged(text(supervisor()), {})
    heads = {family.name for family in read(merged)}
    assert {f"{PREFIX}{metric.name}" for metric in names.METRICS} <= heads


def test_a_sum_of_whole_numbers_is_one() -> None:
    total: dict[str, int | float] = {"a": 1}
    add(total, {"a": 2, "b": 0.5})
    assert total == {"a": 3, "b": 0.5}
    assert isinstance(total["a"], int)


def test_of_a_ratio_the_largest_is_told() -> None:
    def one(**shares: float) -> Metrics:
        made = metrics()
        made.by_label[BUDGET_USED.name] = lambda: shares
        return made

    workers = {(1, 1): text(one(a=0.25, b=0.5)), (2, 1): text(one(a=0.75))}
    merged = Totals(PREFIX).merged(text(supervisor()), workers)
    assert value(merged, "sluice_budget_used_ratio", "budget=a") == 0.75
    assert value(merged, "sluice_budget_used_ratio", "budget=b") == 0.5
