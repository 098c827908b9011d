"""The rows of metrics about what policies decided. See `names.py`."""

from sluice.telemetry.metric import ROUTE_LABELS, Metric

TARGET_RESTS = Metric(
    name="target_rests_total",
    kind="counter",
    help="Rests that targets were given: after failures, or because their provider asked for one.",
    labels=("target",),
    unit="rests",
)
GUARDRAIL_CHECKS = Metric(
    name="guardrail_checks_total",
    kind="counter",
    help="Looks of guards at what was asked and answered.",
    labels=(*ROUTE_LABELS, "phase", "action"),
    unit="checks",
)
GUARDRAIL_HITS = Metric(
    name="guardrail_hits_total",
    kind="counter",
    help="What guards found, by the guard that found it.",
    labels=(*ROUTE_LABELS, "phase", "guard", "action"),
    unit="hits",
)
LIMITED = Metric(
    name="rate_limited_total",
    kind="counter",
    help="Exchanges that a limit refused, or cut.",
    labels=("limit",),
    unit="exchanges",
)
LIMITS_FAILED_OPEN = Metric(
    name="rate_limits_failed_open_total",
    kind="counter",
    help="Exchanges that were admitted although a limit could not be asked.",
    labels=("limit",),
    unit="exchanges",
)
BUDGET_USED = Metric(
    name="budget_used_ratio",
    kind="gauge",
    help="Share of a budget that was spent or reserved when it was asked last in its period; of its keys the fullest.",
    labels=("budget",),
    unit="ratio",
)
MIRRORED = Metric(
    name="mirrored_requests_total",
    kind="counter",
    help="Copies of requests for mirrors, and what became of them.",
    labels=("backend", "result"),
    unit="requests",
)

POLICY_FAMILIES = (TARGET_RESTS, LIMITED, LIMITS_FAILED_OPEN, MIRRORED)
"""Fed by who decides, as it happens."""
