"""What is looked at once a second: the gateway's process in /proc, and its own numbers at the stats door. Linux."""

import http.client
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.proc import cpu_seconds, open_files

GAUGES = ("active_streams", "exchanges", "admission_waiting", "reading_on", "upstream_connections")
"""Of which there are none when nothing is under way."""
TASKS, DROPPED, OUTCOMES = "tokio_num_alive_tasks", "log_lines_dropped_total", "exchange_outcomes_total"
PREFIX = "agentgateway_"
SCRAPE_S = 10.0
_SAMPLE = re.compile(rf"^{PREFIX}(\w+)(?:{{[^\n]*}})? (\S+)$", re.MULTILINE)
_LAG = re.compile(rf'^{PREFIX}event_loop_lag_seconds_bucket{{le="([^"]+)"}} (\S+)$', re.MULTILINE)
_WANTED = frozenset([*GAUGES, TASKS, DROPPED, OUTCOMES])
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


class Numbers(msgspec.Struct, frozen=True):
    """What the gateway says of itself."""

    values: Mapping[str, float]
    """By metric, without the prefix; the samples of one metric added up."""
    lag: tuple[tuple[float, int], ...]
    """The histogram of the event loop's lag: upper bounds in seconds, and how many samples are at most that."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One second."""

    at_s: float
    """Monotonic."""
    rss_mib: float
    files: int
    """Open files and sockets."""
    cpu_s: float
    """Used so far."""
    waited_s: float
    """Waited for a processor so far, although it could have run: what others on the machine cost it."""
    stolen_s: float
    """Of its processor, so far: taken by the machine that this one is a guest of."""
    numbers: Numbers


def read_numbers(text: str) -> Numbers:
    """Return what an exposition says."""
    values = dict.fromkeys(_WANTED, 0.0)
    for name, value in _SAMPLE.findall(text):
        if name in _WANTED:
            values[name] += float(value)
    lag = tuple((float(bound), int(float(count))) for bound, count in _LAG.findall(text))
    return Numbers(values, lag)


def scrape(port: int) -> Numbers:
    """Ask the stats door.

    Raises:
        OSError: it does not answer.
    """
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=SCRAPE_S)
    try:
        door.request("GET", "/metrics", headers={"Host": "localhost", "Connection": "close"})
        return read_numbers(door.getresponse().read().decode())
    finally:
        door.close()


def sample(pid: int, processor: int, stats_port: int) -> Sample:
    """Look at the gateway now, and at its only processor.

    Raises:
        OSError: it is gone.
    """
    files = open_files(pid)  # before the scrape, which is one
    return Sample(
        at_s=time.monotonic(),
        rss_mib=rss_mib(pid),
        files=files,
        cpu_s=cpu_seconds(pid),
        waited_s=waited_s(pid),
        stolen_s=stolen_s(processor),
        numbers=scrape(stats_port),
    )


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MIB


def waited_s(pid: int) -> float:
    """Return for how long its main thread could have run but another had the processor (`schedstat`, sched-stats)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def stolen_s(processor: int) -> float:
    """Return how long a processor could have run something but its host ran something else (`steal`, proc_stat(5))."""
    (row,) = re.findall(rf"^cpu{processor} (.*)$", Path("/proc/stat").read_text(), re.MULTILINE)
    return int(row.split()[7]) / os.sysconf("SC_CLK_TCK")
