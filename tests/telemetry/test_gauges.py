"""Numbers that are asked for at scrape."""

from sluice.telemetry import gauges, names

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


def test_what_nobody_has_a_row_for_is_not_shown() -> None:
    assert [metric for metric, _ in gauges.families((), {"made_up": 1})] == []
