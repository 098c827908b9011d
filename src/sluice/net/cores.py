"""How many cores this process may use."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Of a container, in cgroup v2: `max 100000`, or microseconds of processor time and per how many of the clock's."""


def cores() -> int:
    """Return the number of cores that the scheduler gives us, at most as many as the container may use; at least 1."""
    try:
        ours = len(os.sched_getaffinity(0))
    except AttributeError:  # it is no Linux
        ours = os.cpu_count() or 1
    return min(ours, allowed(_QUOTA))


def allowed(file: Path) -> int:
    """Return a container's bound in whole cores, rounded up; where there is none, more than any machine has."""
    try:
        quota, period = file.read_text().split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1 << 16
