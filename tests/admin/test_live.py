"""Several processes are seen as if they were one: sums are sums, and a quantile is that of all values together."""

import msgspec
import pytest

from sluice.admin.live import quantile, since, view
from sluice.gateway.watching import SHOWN, Flight
from sluice.telemetry.recent import KEPT, SECONDS, Ended, Sample
from tests.admin.lives import live


def flight(key: str, age_s: float, quiet_s: float = 0.0) -> Flight:
    return Flight(key=key, id=key, phase="streaming", age_s=age_s, quiet_s=quiet_s)


def end(key: str, at: float) -> Ended:
    return Ended(key=key, id=key, at=at, status=200, outcome="completed", duration_s=1.0)


def test_one_process_is_shown_as_it_is_and_names_no_worker() -> None:
    shown = view([live(phases={"streaming": 1}, flights=[flight("a", 2.0)], ended=[end("b", 1.0), end("c", 2.0)])])
    assert (shown.workers, shown.exchanges, shown.ready) == (0, 1, True)
    assert [row.worker for row in (*shown.flights, *shown.ended, *shown.targets)] == [0, 0, 0, 0]
    assert [row.key for row in shown.ended] == ["c", "b"], "the newest first"


def test_of_several_each_row_says_which_it_is_of() -> None:
    shown = view([live(1, flights=[flight("a", 1.0)]), live(2, flights=[flight("b", 2.0)])], 2)
    assert (shown.workers, shown.silent, shown.ready) == (2, 0, True)
    assert [(row.key, row.worker) for row in shown.flights] == [("b", 2), ("a", 1)]
    assert [row.worker for row in shown.targets] == [1, 2]


def test_phases_add_up_and_a_group_is_ready_only_if_all_are() -> None:
    parts = [live(1, phases={"streaming": 2, "asking": 1}), live(2, phases={"streaming": 3}, ready=False)]
    shown = view(parts)
    assert shown.phases == {"streaming": 5, "asking": 1}
    assert shown.exchanges == 6
    assert not shown.ready


def test_a_worker_that_does_not_answer_is_counted_and_the_group_is_not_ready() -> None:
    shown = view([live(1)], 2)
    assert (shown.workers, shown.silent, shown.ready) == (2, 1, False)


def test_a_median_is_that_of_all_values_and_no_mean_of_medians() -> None:
    one = Sample(at=7, requests=3, errors=1, tokens=10, ttft_ms=(100.0, 100.0, 100.0), streams=2, lag_ms=1.0)
    other = Sample(at=7, requests=1, tokens=5, ttft_ms=(900.0,), streams=1, lag_ms=8.0)
    (point,) = view([live(1, samples=[one]), live(2, samples=[other])]).points
    assert (point.requests, point.errors, point.tokens, point.streams, point.lag_ms) == (4, 1, 15, 3, 8.0)
    assert (point.ttft_p50_ms, point.ttft_p95_ms) == (100.0, 900.0)


def test_a_second_that_one_of_them_has_not_ended_yet_is_not_shown_by_half() -> None:
    early = [Sample(at=7, requests=1), Sample(at=8, requests=1)]
    shown = view([live(1, samples=early), live(2, samples=early[:1])])
    assert [(point.at, point.requests) for point in shown.points] == [(7, 2)]


def test_history_goes_back_so_many_seconds_and_not_so_many_lines() -> None:
    shown = view([live(samples=[Sample(at=1), Sample(at=1000), Sample(at=1000 + SECONDS - 1)])])
    assert [point.at for point in shown.points] == [1000, 1000 + SECONDS - 1], "a machine that slept"


def test_history_is_told_once() -> None:
    shown = view([live(samples=[Sample(at=at) for at in range(5)])])
    assert [point.at for point in since(shown, 2).points] == [3, 4]
    assert len(shown.points) == 5


def test_rows_stay_few_and_keep_who_is_silent_and_who_is_new() -> None:
    parts = [
        live(worker, flights=[flight(f"{worker}-{n}", age_s=n, quiet_s=n % 7) for n in range(SHOWN)])
        for worker in (1, 2)
    ]
    silent = flight("silent", age_s=5000.0, quiet_s=4000.0)
    parts[0] = msgspec.structs.replace(parts[0], flights=[*parts[0].flights[:-1], silent])
    rows = view(parts).flights
    assert len(rows) == SHOWN
    keys = {row.key for row in rows}
    assert "silent" in keys
    assert {"1-0", "2-0"} <= keys, "the newest"
    assert len(view([live(w, ended=[end(f"{w}{n}", n) for n in range(KEPT)]) for w in (1, 2)]).ended) == KEPT


@pytest.mark.parametrize(
    ("values", "q", "wanted"),
    [
        ((), 0.5, None),
        ((3.0,), 0.95, 3.0),
        ((1.0, 2.0, 3.0, 4.0), 0.5, 2.0),
        (tuple(map(float, range(1, 101))), 0.95, 95.0),
    ],
)
def test_a_quantile_is_one_of_the_values(values: tuple[float, ...], q: float, wanted: float | None) -> None:
    assert quantile(values, q) == wanted
