"""What /proc tells about a process and its children: CPU time, memory, open files. Linux only."""

import os
from pathlib import Path


def family(pid: int) -> list[int]:
    """Return `pid` and all its descendants that still live."""
    pids = [pid]
    for member in pids:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            pids += map(int, _read(children).split())
    return pids


def cpu_seconds(pid: int) -> float:
    """Return user and system time of the family, in seconds, to the clock tick (10 ms)."""
    ticks = 0
    for member in family(pid):
        fields = _read(Path(f"/proc/{member}/stat")).rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    """Return the family's resident memory, in MiB; pages shared between its members count once for each."""
    kib = 0
    for member in family(pid):
        status = _read(Path(f"/proc/{member}/status")).partition("VmRSS:")[2].split()
        kib += int(status[0]) if status else 0
    return kib / 1024


def open_files(pid: int) -> int:
    """Return how many files and sockets the family has open."""
    return sum(len(list(Path(f"/proc/{member}/fd").iterdir())) for member in family(pid))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended between the listing and the reading
        return ""
