"""What policies decided, as numbers."""

from collections.abc import Callable, Iterator

from sluice.relay.record import ExchangeRecord
from sluice.telemetry import policy_names
from sluice.telemetry.exposition import Series
from sluice.telemetry.metric import Metric
from sluice.telemetry.series import Cell, Family, LabelValues, label

CellOf = Callable[[Metric, LabelValues], Cell]

ACTIONS = {"mask": "Mask", "reject": "Reject", "release": "Allow"}
"""What guards of answers did, in the words of the label."""


class PolicyCounters:
    """Counted as it happens: what no record says."""

    def __init__(self, max_series: int) -> None:
        self._families = {metric.name: Family(metric, max_series) for metric in policy_names.POLICY_FAMILIES}

    def target_rested(self, target: str) -> None:
        """Count one rest of a target of the plan."""
        self._count(policy_names.TARGET_RESTS, target)

    def limited(self, limit: str) -> None:
        """Count one exchange that a limit refused, or cut."""
        self._count(policy_names.LIMITED, limit)

    def failed_open(self, limit: str) -> None:
        """Count one exchange that was admitted although a limit could not be asked."""
        self._count(policy_names.LIMITS_FAILED_OPEN, limit)

    def mirrored(self, backend: str, result: str) -> None:
        """Count one copy of a request."""
        self._count(policy_names.MIRRORED, backend, result)

    def collect(self) -> Iterator[tuple[Metric, Series]]:
        for family in self._families.values():
            yield family.metric, family.cells

    def _count(self, metric: Metric, *labels: str) -> None:
        self._families[metric.name].cell(tuple(map(label, labels)))[0] += 1


def count_guards(cell: CellOf, route: LabelValues, record: ExchangeRecord) -> None:
    """Count what the guards of an exchange did."""
    for guard, action, hits in record.guards:
        cell(policy_names.GUARDRAIL_CHECKS, (*route, "Request", action))[0] += 1
        if hits:
            cell(policy_names.GUARDRAIL_HITS, (*route, "Request", label(guard), action))[0] += hits
    facts = record.guard
    found = {"FailOpen": facts.failed_open}
    for guard, what, hits in facts.hits:
        action = ACTIONS[what]
        found[action] = found.get(action, 0) + 1
        cell(policy_names.GUARDRAIL_HITS, (*route, "Response", label(guard), action))[0] += hits
    found["Allow"] = max(0, facts.checks - sum(found.values()))
    for action, count in found.items():
        if count:
            cell(policy_names.GUARDRAIL_CHECKS, (*route, "Response", action))[0] += count
