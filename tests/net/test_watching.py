"""What a process shows of its plan: another number for another plan, and for another process."""

import time
from types import SimpleNamespace
from typing import cast

import pytest

from sluice.config.exposure import Exposure
from sluice.gateway.gateway import Gateway
from sluice.net import watching
from sluice.net.watching import Lookout
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.recent import Recent


def test_a_page_that_stays_open_over_a_reload_or_a_restart_sees_that_the_plan_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_ns = 1_700_000_000_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: now_ns)
    monkeypatch.setattr(watching, "look", lambda gateway, now: ({}, []))
    monkeypatch.setattr(watching, "targets", lambda gateway, now: [])
    gateway = cast(Gateway, SimpleNamespace(active=object()))

    def lookout() -> Lookout:
        return Lookout(gateway, cast(Metrics, None), Recent(), cast(Exposure, None))

    first = lookout()
    numbers = [first.live(ready=True).plan, first.live(ready=True).plan]
    assert numbers[0] == numbers[1], "the same plan"
    now_ns += 5_000_000
    gateway.active = object()  # type: ignore[assignment]  # of this double
    numbers.append(first.live(ready=True).plan)
    now_ns += 5_000_000
    numbers.append(lookout().live(ready=True).plan)
    assert len(set(numbers)) == 3
    assert 4096 * max(numbers) < 2**53, "JavaScript adds up those of all workers"
