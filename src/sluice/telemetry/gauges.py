"""Numbers that are asked for at scrape, not counted: of the runtime, of the gateway, of the process."""

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric as TheirMetric

from sluice.telemetry import server_names as names
from sluice.telemetry.exposition import Series
from sluice.telemetry.metric import Metric

_SELF = Path("/proc/self/statm")
_GROUPS = (
    (Path("/sys/fs/cgroup/memory.current"), "inactive_file"),
    (Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"), "total_inactive_file"),
)
"""What a container holds, and the row of `memory.stat` beside it that can be taken back: cgroups 2 and 1."""


class ProcessNumbers(CollectorRegistry):
    """The usual `process_*` of prometheus_client, but for those that are not wanted."""

    def __init__(self, prefix: str, removed: frozenset[str]) -> None:
        """`removed`: names without `prefix` and `_total`."""
        super().__init__()
        self._prefix, self._removed = prefix, removed
        ProcessCollector(namespace=prefix.rstrip("_"), registry=self)

    def collect(self) -> Iterator[TheirMetric]:
        return (one for one in super().collect() if one.name.removeprefix(self._prefix) not in self._removed)


def memory(groups: Iterable[tuple[Path, str]] = _GROUPS) -> Iterator[tuple[Metric, Series]]:
    """Return what this process holds, and its container; without a sample where the system does not say."""
    resident: Series = {}
    shared: Series = {}
    with contextlib.suppress(OSError):
        resident = {(): [int(_SELF.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")]}
    for usage, idle in groups:
        with contextlib.suppress(OSError, ValueError, KeyError):
            stat = dict(row.split(" ") for row in (usage.parent / "memory.stat").read_text().strip().split("\n"))
            shared = {(): [max(0, int(usage.read_text()) - int(stat[idle]))]}
            break
    yield names.PROCESS_RSS, resident
    yield names.CGROUP_WORKING_SET, shared


def asyncio_runtime() -> Mapping[str, float]:
    """Return the runtime gauges of a process that is its own only worker; no tasks outside an event loop."""
    try:
        tasks = len(asyncio.all_tasks())
    except RuntimeError:
        tasks = 0
    return {names.TASKS.name: tasks, names.WORKERS.name: 1}


def families(rows: Iterable[Metric], values: Mapping[str, float]) -> Iterator[tuple[Metric, Series]]:
    """Return each row with its value, found by its name; one that is absent is 0."""
    for row in rows:
        yield row, {(): [values.get(row.name, 0)]}
