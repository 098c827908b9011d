"""Families to text: Prometheus 0.0.4 and OpenMetrics 1.0.

Pure. prometheus_client's own writer escapes every name rune by rune, 10 us a sample: 20 label sets would hold the event
loop, and with it every stream, for 30 ms at each scrape. This one is 12 times faster; the tests read it with
prometheus_client's parsers. Obeys: prometheus.io/docs/instrumenting/exposition_formats, OpenMetrics 1.0 (read 2025-11).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import accumulate

from prometheus_client.utils import floatToGoString

from sluice.telemetry.metric import Metric
from sluice.telemetry.series import Cell, LabelValues

Series = Mapping[LabelValues, Cell]

_SUFFIXES = {"counter": "_total", "info": "_info"}


def write(families: Iterable[tuple[Metric, Series]], prefix: str, *, openmetrics: bool) -> str:
    """Return the exposition of the families, in their order; OpenMetrics without its final `# EOF`."""
    return "".join(pieces(families, prefix, openmetrics=openmetrics))


def pieces(families: Iterable[tuple[Metric, Series]], prefix: str, *, openmetrics: bool) -> Iterator[str]:
    """Yield the same series by series. Between two pieces series may be begun: they are not in it."""
    for metric, series in families:
        yield from _family(metric, series, prefix, openmetrics)


def _family(metric: Metric, series: Series, prefix: str, openmetrics: bool) -> Iterator[str]:
    name = prefix + metric.name
    yield _head(metric, name, openmetrics)
    if metric.kind == "histogram":
        for labels, cell in list(series.items()):
            yield _histogram(metric, name, labels, cell)
        return
    for labels, cell in list(series.items()):
        text = _labels(metric.labels, labels)
        number = _number(cell[0])
        yield f"{name}{{{text}}} {number}\n" if text else f"{name} {number}\n"


def _head(metric: Metric, name: str, openmetrics: bool) -> str:
    """OpenMetrics names the family, the classic text the sample: they differ by the suffix."""
    kind: str = metric.kind
    if openmetrics:
        name = name.removesuffix(_SUFFIXES.get(kind, ""))
    elif kind == "info":
        kind = "gauge"
    unit = f"# UNIT {name} {metric.unit}\n" if openmetrics and metric.unit and name.endswith(f"_{metric.unit}") else ""
    return f"# HELP {name} {metric.help}\n# TYPE {name} {kind}\n{unit}"


def _histogram(metric: Metric, name: str, labels: LabelValues, cell: Cell) -> str:
    text = _labels(metric.labels, labels)
    start = f"{name}_bucket{{{text}{',' if text else ''}le="
    whole = f"{{{text}}}" if text else ""
    counts = list(map(int, accumulate(cell[:-1])))
    lines = [f"{start}{bound} {count}\n" for bound, count in zip(_bounds(metric.buckets), counts, strict=True)]
    lines.append(f"{name}_count{whole} {counts[-1]}\n{name}_sum{whole} {_number(cell[-1])}\n")
    return "".join(lines)


@cache
def _bounds(buckets: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(f'"{bound}"}}' for bound in (*map(floatToGoString, buckets), "+Inf"))


def _number(value: float) -> float:
    """A whole number is written without a point."""
    return int(value) if float(value).is_integer() else value


def _labels(names: tuple[str, ...], values: LabelValues) -> str:
    return ",".join([f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True)])


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
