"""Processes to look at: one that does nothing, and what a test adds."""

import msgspec

from sluice.admin.live import Live
from sluice.gateway.watching import TargetNow

TARGET = TargetNow(
    backend="b",
    group=0,
    name="t",
    provider="p",
    model="",
    endpoint="h:1",
    state="open",
    rests_s=None,
    success=1.0,
    latency_s=None,
    failures=0,
    pending=0,
    score=1.0,
)


def live(worker: int = 0, **members: object) -> Live:
    empty = Live(
        at=1000.5,
        worker=worker,
        ready=True,
        plan=1,
        uptime_s=10.0,
        phases={},
        flights=[],
        samples=[],
        ended=[],
        failed=[],
        targets=[TARGET],
    )
    return msgspec.structs.replace(empty, **members)
