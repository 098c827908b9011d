"""Measures how long a gateway takes from its start to its first "ready", polled every millisecond."""

import statistics
import time
from pathlib import Path

from bench import rig

STARTS = 5


def measure(target: rig.Target, folder: Path, starts: int = STARTS) -> float:
    """Return the median seconds of `starts` starts.

    Raises:
        rig.RigError: it did not become ready.
    """
    return round(statistics.median(_once(target, folder) for _ in range(starts)), 3)


def _once(target: rig.Target, folder: Path) -> float:
    start = time.monotonic()
    with rig.started(target, folder) as process:
        rig.wait_ready(process, target.port, target.ready_port)
        return time.monotonic() - start
