"""Time that is measured is the code's own: no tracer counts its lines, no heap of other tests is looked through, and a
slow machine is not the code's fault."""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

YARD_S = 200e-6
"""More than the yard takes on the machine of docs/performance.md, where the bounds in microseconds were set."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Switch off what a test run adds to the time of the code that it runs, in this thread."""
    tracer = sys.gettrace()
    gc.collect()
    gc.freeze()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
        gc.unfreeze()


def slowness() -> float:
    """Return how many times slower this machine is at this moment than a bound in microseconds allows for, at least 1:
    there are machines on which all Python takes four times as long. Ask beside what is measured, undisturbed."""
    return max(1.0, min(_yard() for _ in range(8)) / YARD_S)


def _yard() -> float:
    """Seconds of processor time that a piece of ordinary Python takes."""
    began, counts = time.thread_time(), dict.fromkeys(range(97), 0)
    for number in range(3000):
        counts[number % 97] = counts.get(number % 97, 0) + number
    return time.thread_time() - began
