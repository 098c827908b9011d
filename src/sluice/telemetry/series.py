"""Series as plain numbers: a family is a dict of label values -> a short array that its owner adds to.

No locks (one event loop), no I/O, no library object: adding to a series is `cell[i] += n`. What clients choose is
cleaned by `label` and bounded by `Family`.
"""

from array import array
from bisect import bisect_left
from collections.abc import MutableSequence, Sequence

from sluice.relay.record import UNKNOWN
from sluice.telemetry.line import UNPRINTABLE
from sluice.telemetry.metric import MODEL_LABELS, Metric

Cell = MutableSequence[float]
"""A counter or gauge: [value]. A histogram: how many per bucket (not cumulative), how many above the last, the sum."""

LabelValues = tuple[str, ...]

OTHER = "other"
MAX_LABEL_CHARS = 128
"""A longer value is cut: label values live as long as the process."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"))
"""RFC 9110 section 9 and RFC 5789. Anything else is a client's invention."""


def label(value: str) -> str:
    """Return the value fit for a label: printable, at most MAX_LABEL_CHARS long, `unknown` instead of empty."""
    if not value.isprintable():
        value = UNPRINTABLE.sub("", value)
    return value[:MAX_LABEL_CHARS].strip() or UNKNOWN


def method_label(method: str) -> str:
    return method if method in _METHODS else OTHER


def zeros(count: int) -> Cell:
    """A cell that stays as large as it is: of a list each number beyond 256 would be an object of its own."""
    return array("d", bytes(8 * count))


def observe(cell: Cell, buckets: Sequence[float], value: float) -> None:
    """Add one observation to a histogram: a value equal to a bound belongs to that bound's bucket (`le`)."""
    cell[bisect_left(buckets, value)] += 1
    cell[-1] += value


class Family:
    """All series of one row of the table. At most `max_series` of them carry values that clients chose.

    Beyond that these values become `other`: those of the labels of models, and of the last `added` labels, which an
    operator added. Such series are few: their other labels come from the plan and from closed lists.
    """

    def __init__(self, metric: Metric, max_series: int, added: int = 0) -> None:
        self.metric = metric
        self.cells: dict[LabelValues, Cell] = {}
        self._max_series = max_series
        self._width = len(metric.buckets) + 2 if metric.kind == "histogram" else 1
        given = len(metric.labels) - added
        self._foldable = tuple(at >= given or name in MODEL_LABELS for at, name in enumerate(metric.labels))

    @property
    def full(self) -> bool:
        return len(self.cells) >= self._max_series

    def cell(self, labels: LabelValues) -> Cell:
        """Return the series of these label values (in the order of `metric.labels`, cleaned), new with zeros."""
        cell = self.cells.get(labels)
        if cell is None and self.full:
            labels = tuple(OTHER if fold else value for fold, value in zip(self._foldable, labels, strict=True))
            cell = self.cells.get(labels)
        if cell is None:
            cell = self.cells[labels] = zeros(self._width)
        return cell
