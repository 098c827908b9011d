"""A worker's share: together the workers keep the bound of the process, but for the rounding."""

import msgspec
import pytest

from sluice.config import load
from sluice.config.plan import Plan
from sluice.config.source import Source
from sluice.net.shares import share
from sluice.policies.admission import Admission
from sluice.standard import STANDARD

TEXT = """
llm:
  models:
    - {name: "*", provider: fake}
  policies:
    stream: {onDisconnect: Drain, drain: {maxConcurrent: 7, maxTokens: 9}}
    admission: {maxConcurrent: 10, maxQueue: 5, queueTimeout: 3s, maxMemory: 1Gi}
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load([Source("llm.yaml", TEXT)], {}, STANDARD)


def rules(plan: Plan) -> list[int]:
    return [entry.rule.streaming.drain_concurrent for listener in plan.listeners for entry in listener.entries]


@pytest.mark.parametrize(("workers", "each"), [(1, (10, 5, 7)), (2, (5, 3, 4)), (3, (4, 2, 3)), (64, (1, 1, 1))])
def test_bounds_are_divided_and_rounded_up(plan: Plan, workers: int, each: tuple[int, int, int]) -> None:
    shared = share(plan, workers)
    assert (shared.admission.max_concurrent, shared.admission.max_queue, max(rules(shared))) == each
    assert shared.admission.queue_timeout_s == 3.0
    assert shared.admission.max_memory_bytes * workers - plan.admission.max_memory_bytes in range(workers)


def test_what_is_off_stays_off(plan: Plan) -> None:
    off = Admission(max_concurrent=0, max_queue=0, max_memory_bytes=0)
    assert share(msgspec.structs.replace(plan, admission=off), 4).admission == off


def test_nothing_else_changes(plan: Plan) -> None:
    shared = share(plan, 1)
    assert shared == plan
    assert share(plan, 3) == msgspec.structs.replace(
        plan, admission=share(plan, 3).admission, listeners=share(plan, 3).listeners
    )


def test_entries_that_shared_a_rule_share_it_still(plan: Plan) -> None:
    def identities(of: Plan) -> int:
        return len({id(entry.rule) for listener in of.listeners for entry in listener.entries})

    assert identities(share(plan, 2)) == identities(plan) < len(rules(plan))
