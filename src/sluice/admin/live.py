"""What is seen at one moment: of one process, and of several as if they were one.

Pure. Sums are sums; a quantile is that of all values together; a row says which worker it is of.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from sluice import __version__
from sluice.gateway.watching import SHOWN, Flight, TargetNow
from sluice.telemetry.recent import KEPT, SECONDS, Ended, Sample


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `at`: seconds since 1970."""

    at: float
    worker: int
    """0 = there is only one process."""
    ready: bool
    plan: int
    """Another number = another plan is in use, or another process uses it."""
    uptime_s: float
    phases: dict[str, int]
    flights: list[Flight]
    samples: list[Sample]
    ended: list[Ended]
    failed: list[Ended]
    targets: list[TargetNow]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One second of all processes, as it is drawn. None = no first token came in it."""

    at: int
    requests: int
    errors: int
    tokens: int
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    exchanges: int
    streams: int
    waiting: int
    lag_ms: float


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page shows."""

    at: float
    version: str
    workers: int
    """How many there should be; 0 = there is only one process."""
    silent: int
    """Workers that do not answer: they start, end, or are stuck."""
    ready: bool
    plan: int
    uptime_s: float
    phases: dict[str, int]
    exchanges: int
    flights: list[Flight]
    """Not all, where there are many."""
    points: list[Point]
    ended: list[Ended]
    """The newest first."""
    failed: list[Ended]
    targets: list[TargetNow]


def view(parts: Sequence[Live], workers: int = 0) -> View:
    """Return what several processes, at least one, do together; `workers`: see `View.workers`. O(their rows)."""
    silent = max(0, workers - len(parts))
    phases: dict[str, int] = {}
    for part in parts:
        for phase, count in part.phases.items():
            phases[phase] = phases.get(phase, 0) + count
    return View(
        at=max(part.at for part in parts),
        version=__version__,
        workers=workers,
        silent=silent,
        ready=not silent and all(part.ready for part in parts),
        plan=sum(part.plan for part in parts),
        uptime_s=round(max(part.uptime_s for part in parts), 1),
        phases=phases,
        exchanges=sum(phases.values()),
        flights=_flights(parts),
        points=_points(parts),
        ended=_newest(parts, [part.ended for part in parts]),
        failed=_newest(parts, [part.failed for part in parts]),
        targets=[_of(part.worker, target) for part in parts for target in part.targets],
    )


def since(shown: View, at: int) -> View:
    """Return the same with no more history than what came after a second that was seen already."""
    return msgspec.structs.replace(shown, points=[point for point in shown.points if point.at > at])


def quantile(values: Sequence[float], q: float) -> float | None:
    """Return the smallest of some sorted values that at least this share of them does not exceed; None of none."""
    return values[max(0, math.ceil(q * len(values)) - 1)] if values else None


Row = TypeVar("Row", Flight, Ended, TargetNow)


def _of(worker: int, row: Row) -> Row:
    return msgspec.structs.replace(row, worker=worker) if worker else row


def _flights(parts: Sequence[Live]) -> list[Flight]:
    rows = [_of(part.worker, row) for part in parts for row in part.flights]
    rows.sort(key=lambda row: row.age_s, reverse=True)
    if len(rows) <= SHOWN:
        return rows
    half = SHOWN // 2
    silent = sorted(rows, key=lambda row: row.quiet_s, reverse=True)[:half]
    kept = {id(row) for row in silent}
    kept |= {id(row) for row in [row for row in reversed(rows) if id(row) not in kept][: SHOWN - half]}
    return [row for row in rows if id(row) in kept]


def _newest(parts: Sequence[Live], rows: Iterable[Sequence[Ended]]) -> list[Ended]:
    found = [_of(part.worker, row) for part, some in zip(parts, rows, strict=True) for row in some]
    return sorted(found, key=lambda row: row.at, reverse=True)[:KEPT]


def _points(parts: Sequence[Live]) -> list[Point]:
    seconds: dict[int, list[Sample]] = {}
    for part in parts:
        for sample in part.samples:
            seconds.setdefault(sample.at, []).append(sample)
    complete = min((part.samples[-1].at for part in parts if part.samples), default=0)
    return [_point(at, seconds[at]) for at in sorted(seconds) if complete - SECONDS < at <= complete]


def _point(at: int, samples: Sequence[Sample]) -> Point:
    ttft_ms = sorted(value for sample in samples for value in sample.ttft_ms)
    return Point(
        at=at,
        requests=sum(sample.requests for sample in samples),
        errors=sum(sample.errors for sample in samples),
        tokens=sum(sample.tokens for sample in samples),
        ttft_p50_ms=quantile(ttft_ms, 0.5),
        ttft_p95_ms=quantile(ttft_ms, 0.95),
        exchanges=sum(sample.exchanges for sample in samples),
        streams=sum(sample.streams for sample in samples),
        waiting=sum(sample.waiting for sample in samples),
        lag_ms=max(sample.lag_ms for sample in samples),
    )
