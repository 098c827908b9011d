"""What a metric is: one row of the tables in `names.py` and its neighbours; and the sets of labels that rows share."""

from typing import Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram", "info"]
ROUTE_LABELS = ("bind", "gateway", "listener", "route", "route_rule")
HTTP_LABELS = (*ROUTE_LABELS, "backend", "protocol", "method", "status", "reason", "outcome")
"""The first ten are agentgateway's. The outcome is told by them but for answers that failed after their 200."""
MODEL_LABELS = ("gen_ai_request_model", "gen_ai_response_model")
"""Chosen by clients and providers: these become `other` when a family is full."""
GEN_AI_LABELS = (*ROUTE_LABELS, "gen_ai_operation_name", "gen_ai_system", *MODEL_LABELS)
OUTCOME_LABELS = (*ROUTE_LABELS, "gen_ai_system", *MODEL_LABELS, "outcome")
LISTENER_LABELS = ("bind", "gateway", "listener", "protocol")


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a family of series."""

    name: str
    """Without the prefix, with the suffix `_total` or `_info` that queries use."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    """What one unit of the value is. OpenMetrics hears of it only where the name ends in it, as its text demands."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, ascending, without +Inf."""
