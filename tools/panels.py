"""The few forms that most queries of the dashboards have: quantiles of a histogram, and a share of a whole.

A share of nothing is 0 where the whole is not: a panel without errors says 0, and one without traffic says nothing.
"""

from tools.grafana import Query


def quantile(share: float, histogram: str, where: str, *, by: str = "", window: str = "@rate") -> str:
    """Return the quantile over all series of a histogram, or over those of each `by`."""
    labels = f"le, {by}" if by else "le"
    return (
        f"histogram_quantile({share}, sum by ({labels}) (rate(agentgateway_{histogram}_bucket{{{where}}}[{window}])))"
    )


def quantiles(histogram: str, where: str, *shares: float, name: str = "") -> tuple[Query, ...]:
    """Return one query a quantile, with the legend `p95`, or `name p95`."""
    return tuple(Query(quantile(share, histogram, where), f"{name} p{share * 100:g}".strip()) for share in shares)


def rate(counter: str, where: str, *, by: str = "", window: str = "@rate") -> str:
    """Return how much a counter grows a second."""
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate(agentgateway_{counter}{{{where}}}[{window}]))"


def increase(counter: str, where: str, *, by: str = "", window: str = "@range") -> str:
    """Return how much a counter grew."""
    return rate(counter, where, by=by, window=window).replace("rate(", "increase(", 1)


def part(counter: str, which: str, where: str, *, window: str = "@rate") -> str:
    """Return the share of a counter's growth that has the labels `which`."""
    return share(rate(counter, f"{where}, {which}", window=window), rate(counter, where, window=window))


def share(some: str, whole: str) -> str:
    """Return some / whole, 0 if there is none of it."""
    return f"({some} or vector(0)) / {whole}"


def mean(histogram: str, where: str, *, window: str = "@rate") -> str:
    """Return the mean of what a histogram saw."""
    return f"{rate(f'{histogram}_sum', where, window=window)} / {rate(f'{histogram}_count', where, window=window)}"
