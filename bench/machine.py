"""What a machine is, for the head of a table."""

import datetime
import os
import platform
from pathlib import Path

from bench.verdict import Machine


def machine() -> Machine:
    """Return what this machine is."""
    info = Path("/proc/cpuinfo").read_text().split("\n")
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    return Machine(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        cpu=models[0] if models else platform.machine(),
        cores=os.cpu_count() or 1,
        kernel=platform.release(),
        python=platform.python_version(),
    )
