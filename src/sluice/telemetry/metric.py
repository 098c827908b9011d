"""What a metric is: one row of the tables in `names.py` and `policy_names.py`."""

from typing import Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram", "info"]
ROUTE_LABELS = ("bind", "gateway", "listener", "route", "route_rule")


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
