"""Numbers that are asked for at scrape, not counted: of the runtime, of the gateway."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from sluice.telemetry import names
from sluice.telemetry.exposition import Series
from sluice.telemetry.metric import Metric


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
