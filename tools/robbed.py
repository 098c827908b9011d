"""A test that fails while somebody else has this machine's processors is run again, and the summary says so.

A pytest plugin (`-p tools.robbed`). A virtual machine's host may give its processors to others: a process stands
still for tenths of a second then, and whatever measures time, or has a deadline, is wrong through no fault of the code.
Linux counts that time (`steal`, proc(5)). A test has another chance only where it was counted while the test ran, waits
until the host is calm, though not for long, and has to pass in the end: what fails while nothing is taken has failed.
Where nobody takes anything this plugin does nothing.
"""

import gc
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

TAKEN = 0.02
"""Of all processors' time while the test ran, and LEAST_S: less than that is no reason to fail."""
LEAST_S = 0.05
"""Linux counts in hundredths of a second."""
CALM_S = 60.0
"""How long each chance waits at most for a moment in which nothing is taken."""
CHANCES = 3
"""Further ones."""
_LOOK_S = 0.5
_TIMED_OUT = "from pytest-timeout"
_RAN_AGAIN = "ran again"
_STEAL = 8
"""The field of /proc/stat's first line."""


def stolen_s() -> float:
    """Return how many seconds of processor time were taken from this machine so far. Linux only; else 0."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return 0.0
    return int(fields[_STEAL]) / os.sysconf("SC_CLK_TCK")


def wait_for_calm() -> None:
    """Only who wants the processor is robbed of it: be busy for a moment and see, again and again."""
    until = time.monotonic() + CALM_S
    while time.monotonic() < until:
        taken, began = stolen_s(), time.monotonic()
        while time.monotonic() - began < _LOOK_S:
            pass
        if stolen_s() - taken < TAKEN * _LOOK_S:
            return
        time.sleep(_LOOK_S)


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test as pytest does, again if it has to be."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports, taken = _run(item, nextitem)
    for _ in range(CHANCES):
        if taken < TAKEN or not any(report.failed for report in reports) or not isinstance(item, pytest.Function):
            break
        failures = [report.longreprtext for report in reports if report.failed]
        if any(_TIMED_OUT in failure for failure in failures):
            break  # it hangs
        item.user_properties.append((_RAN_AGAIN, "\n".join((f"{taken:.0%} of their time", *failures))))
        item.session._setupstate.teardown_exact(None)
        item._initrequest()
        _forget()
        wait_for_calm()
        _time_anew(item)
        reports, taken = _run(item, nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _run(item: pytest.Item, nextitem: pytest.Item | None) -> tuple[list[pytest.TestReport], float]:
    """Return what became of a test, and which share of all processors' time was taken meanwhile."""
    before, began = stolen_s(), time.monotonic()
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    taken = stolen_s() - before
    return reports, taken / ((time.monotonic() - began) * (os.cpu_count() or 1)) if taken >= LEAST_S else 0.0


def _forget() -> None:
    """What the failed run held is gone before the next: sockets that nobody closed would fail some other test."""
    for name in ("last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def _time_anew(item: pytest.Item) -> None:
    """Set pytest-timeout's timer, which the failure has stopped."""
    timer = item.config.pluginmanager.getplugin("timeout")
    if timer is not None:
        timer.pytest_timeout_cancel_timer(item)
        settings = timer._get_item_settings(item)
        if settings.timeout:
            timer.pytest_timeout_set_timer(item, settings)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each test that was run again, whatever became of it, and say how it failed before."""
    lines = sorted(set(_ran_again(terminalreporter)))
    if lines:
        terminalreporter.section("run again: the machine's host had its processors")
        for line in lines:
            terminalreporter.write_line(line)


def _ran_again(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for reports in reporter.stats.values():
        for report in reports:
            for name, why in getattr(report, "user_properties", ()):
                if name == _RAN_AGAIN:
                    yield f"{report.nodeid}: {why}"
