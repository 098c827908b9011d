"""The trace that a run belongs to: what its client said of it, for the calls that its agent makes.

It is part of the context in which the run's tasks are made, so a handler hands nothing on, and two runs never share it.
A run that another worker takes up has none. Source: W3C Trace Context, W3C Baggage (read 2026-11-21).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from sluice.wire.http1 import Header

NAMES: Final = frozenset([b"traceparent", b"tracestate", b"baggage"])
_TRAIL: ContextVar[tuple[Header, ...]] = ContextVar("sluice_trail", default=())


def came_with(headers: Iterable[Header]) -> None:
    """Note what a request says of its trace: for all tasks that are made while it is answered."""
    _TRAIL.set(tuple((bytes(name), bytes(value)) for name, value in headers if name in NAMES))


@contextmanager
def on(headers: tuple[Header, ...]) -> Iterator[None]:
    """Have the tasks that are made meanwhile belong to another trace, or to another part of it."""
    token = _TRAIL.set(headers)
    try:
        yield
    finally:
        _TRAIL.reset(token)


def trail() -> tuple[Header, ...]:
    """Return the headers for a call that belongs to the same trace; none if its client sent none."""
    return _TRAIL.get()
