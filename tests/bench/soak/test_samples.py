"""What is read of an exposition, and of this very process."""

import os

from bench.soak.samples import read_numbers, rss_mib, stolen_s, waited_s
from sluice.telemetry.metrics import Metrics
from tests.telemetry.records import STREAM


def test_the_gateways_own_exposition_is_read() -> None:
    metrics = Metrics("agentgateway_", "test")
    metrics.gateway = lambda: {"exchanges": 3.0, "upstream_connections": 2.0}
    metrics.stream_started()
    metrics.observe(STREAM)
    metrics.observe(STREAM)
    for lag_s in (0.0002, 0.004, 7.0):
        metrics.loop_lag(lag_s)
    found = read_numbers(metrics.render("")[1].decode())
    assert found.values["exchanges"] == 3
    assert found.values["upstream_connections"] == 2
    assert found.values["active_streams"] == 1
    assert found.values["exchange_outcomes_total"] == 2
    assert found.values["reading_on"] == found.values["log_lines_dropped_total"] == 0
    assert dict(found.lag)[0.0005] == 1
    assert dict(found.lag)[0.005] == 2
    assert found.lag[-1] == (float("inf"), 3)


def test_a_process_has_memory_and_waits_for_its_processor() -> None:
    before = rss_mib(os.getpid())
    held = bytes(range(256)) * (64 << 12)  # 64 MiB, written
    assert 50 < rss_mib(os.getpid()) - before < 80
    assert len(held) == 64 << 20
    assert waited_s(os.getpid()) > 0
    assert stolen_s(0) >= 0
