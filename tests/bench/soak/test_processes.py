"""What keeps the processors of a soak from sleep, and that it never stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.rig import ROOT
from bench.soak.processes import awake

WITHIN_S = 10.0


def state(pid: int) -> str:
    """Return the letter of proc_pid_stat(5), empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_until(found: dict[int, tuple[int, str]], wanted: tuple[int, str]) -> None:
    """Until all of them have this scheduling policy and this state."""
    until = time.monotonic() + WITHIN_S
    while any(each != wanted for each in found.values()):
        assert time.monotonic() < until, found
        time.sleep(0.01)
        found.update({pid: (os.sched_getscheduler(pid), state(pid)) for pid in found})


def test_each_processor_has_something_to_do_that_gives_way_to_everything() -> None:
    processors = os.sched_getaffinity(0)
    with awake() as pids:
        wait_until(dict.fromkeys(pids, (0, "")), (os.SCHED_IDLE, "R"))
        assert sorted(map(os.sched_getaffinity, pids), key=min) == [{each} for each in sorted(processors)]
        assert {os.getsid(pid) for pid in pids} == {os.getsid(0)}, "it gives way to its own session alone"
    assert [state(pid) for pid in pids] == [""] * len(pids)
    assert os.sched_getaffinity(0) == processors


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_who_started_it(how: signal.Signals) -> None:
    program = "import time; from bench.soak.processes import awake\n"
    program += "with awake() as pids: print(*pids, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == len(os.sched_getaffinity(0))
        process.send_signal(how)
    until = time.monotonic() + WITHIN_S
    while any(state(pid) not in ("", "Z") for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.01)
