"""The numbers: exchange records and a few counters of the network in, one exposition out.

Recording is plain additions; the rest waits for the scrape. One instance per process, one event loop.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS

from sluice.telemetry import exposition, gauges
from sluice.telemetry import names as tables
from sluice.telemetry import server_names as names
from sluice.telemetry.exchange_counters import ExchangeCounters
from sluice.telemetry.metric import Metric
from sluice.telemetry.policy_counters import PolicyCounters
from sluice.telemetry.series import Cell, LabelValues, label, observe, zeros

MAX_SERIES = 2_000
"""Label sets per family. A histogram's label set costs about 1 KiB here and 18 samples in Prometheus."""
LAG_SHARE = 0.1
"""Of a new measurement in the mean of the loop's lag: at ten a second the mean is that of about a second."""
SLICE_S = 0.002
"""How long the event loop is held by a scrape at a time."""
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


class ListenerCounters:
    """The handle of one listener: the network adds to its numbers directly (`handle.sent += n`)."""

    __slots__ = ("connections", "handshakes", "received", "sent")

    def __init__(self) -> None:
        self.connections = 0
        self.received = 0
        """Bytes from clients."""
        self.sent = 0
        """Bytes to clients."""
        self.handshakes: Cell | None = None
        """Of TLS; None = there was none."""

    def shook_hands(self, seconds: float) -> None:
        """Record how long a TLS handshake took that succeeded."""
        if self.handshakes is None:
            self.handshakes = _empty(names.TLS_HANDSHAKE)
        observe(self.handshakes, names.CONNECT_BUCKETS_S, seconds)


class Metrics:
    """All series of this process.

    Set `runtime`, `gateway` and `log_lines_dropped` to what the scrape shall ask: gauges by the names of
    `names.RUNTIME_GAUGES` and of `names.GATEWAY_GAUGES` (absent = 0), and a count. `by_label`: for rows of
    `names.BY_LABEL`, by their name, what returns their numbers by the values of their label.

    `observe(record)` counts one exchange: call it exactly once per record.
    """

    def __init__(
        self,
        prefix: str,
        tag: str,
        *,
        labels: tuple[str, ...] = (),
        removed: Iterable[str] = (),
        max_series: int = MAX_SERIES,
    ) -> None:
        """`labels`: those that records have values for (`observed.labels`), in this order. `removed`: names of metrics
        that are not shown, with or without the prefix and `_total`.

        Raises:
            ValueError: `prefix` cannot begin a metric name; one of `labels` is no name, is there twice, or is a label
                that metrics have anyway.
        """
        if not re.fullmatch(r"([a-zA-Z_][a-zA-Z0-9_]*)?", prefix):
            raise ValueError(f"metrics prefix {prefix!r}: letters, digits and underscores only")
        _check(labels)
        self.streams_active = 0
        self.runtime: Callable[[], Mapping[str, float]] = gauges.asyncio_runtime
        self.gateway: Callable[[], Mapping[str, float]] = dict
        self.by_label: dict[str, Callable[[], Mapping[str, float]]] = {}
        self.log_lines_dropped: Callable[[], int] = int
        self._prefix = prefix
        self._tag = label(tag)
        self._removed = frozenset(name.removeprefix(prefix).removesuffix("_total") for name in removed)
        self._exchanges = ExchangeCounters(max_series, labels)
        self.observe = self._exchanges.observe
        self.policies = PolicyCounters(max_series)
        self._lag = _empty(names.LOOP_LAG)
        self._lag_now_s = 0.0
        self._listeners: dict[LabelValues, ListenerCounters] = {}
        self._process = gauges.ProcessNumbers(prefix, self._removed)

    # -- recording ----------------------------------------------------------------------------------------------------

    def connection_opened(self, bind: str, gateway: str, listener: str, protocol: str) -> ListenerCounters:
        """Count one connection of a client and return its listener's handle."""
        handle = self.listener(bind, gateway, listener, protocol)
        handle.connections += 1
        return handle

    def listener(self, bind: str, gateway: str, listener: str, protocol: str) -> ListenerCounters:
        """Return the handle of a listener, the same one for the same labels."""
        return self._listeners.setdefault((bind, gateway, listener, protocol), ListenerCounters())

    def stream_started(self) -> None:
        """Count a stream as open until `stream_ended`; the caller pairs them in one `finally`."""
        self.streams_active += 1

    def stream_ended(self) -> None:
        self.streams_active -= 1

    def loop_lag(self, seconds: float) -> None:
        """Record how late the event loop woke a timer."""
        observe(self._lag, names.LOOP_LAG_BUCKETS_S, seconds)
        self._lag_now_s += (seconds - self._lag_now_s) * LAG_SHARE

    def calls(self, kind: str, subtype: str) -> Callable[[float], None]:
        """Return who is told how many seconds a call of this kind took: `Policy`, `Guardrail`."""
        cell = self._exchanges.families[names.UPSTREAM_CALL.name].cell((kind, subtype))
        return partial(observe, cell, names.HTTP_DURATION_BUCKETS_S)

    # -- showing ------------------------------------------------------------------------------------------------------

    def render(self, accept: str) -> tuple[str, bytes]:
        """Return content type and body of a scrape, in the format that the Accept header prefers.

        Cost: about 0.9 us a sample, in the event loop.
        """
        content_type = _content_type(accept)
        return content_type, b"".join(self._pieces(content_type))

    async def rendered(self, accept: str) -> tuple[str, bytes]:
        """The same, while streams go on: thousands of label sets are hundreds of thousands of samples. What is said of
        one series is of one moment."""
        content_type, pieces = _content_type(accept), []
        until = time.monotonic() + SLICE_S
        for piece in self._pieces(content_type):
            pieces.append(piece)
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + SLICE_S
        return content_type, b"".join(pieces)

    def _pieces(self, content_type: str) -> Iterator[bytes]:
        openmetrics = content_type == CONTENT_TYPE_OPENMETRICS
        for piece in exposition.pieces(self._shown(), self._prefix, openmetrics=openmetrics):
            yield piece.encode()
        yield choose_encoder(content_type)[0](self._process)  # stands last: it brings the `# EOF` of OpenMetrics

    def _shown(self) -> Iterator[tuple[Metric, exposition.Series]]:
        for metric, series in self._collect():
            if not self._removed or metric.name.removesuffix("_total") not in self._removed:
                yield metric, series

    def _collect(self) -> Iterator[tuple[Metric, exposition.Series]]:
        for family in self._exchanges.families.values():
            yield family.metric, family.cells
        yield from self.policies.collect()
        yield from self._network()
        yield names.ACTIVE_STREAMS, {(): [self.streams_active]}
        yield names.MCP_REQUESTS, {}
        yield from gauges.families(names.GATEWAY_GAUGES, self.gateway())
        for row in names.BY_LABEL:
            yield row, {(label(value),): [number] for value, number in self.by_label.get(row.name, dict)().items()}
        yield names.LOOP_LAG, {(): self._lag}
        yield names.LOG_LINES_DROPPED, {(): [self.log_lines_dropped()]}
        yield names.BUILD_INFO, {(self._tag,): [1]}
        late_ms = round(self._lag_now_s * 1000, 3)
        yield from gauges.families(names.RUNTIME_GAUGES, {names.QUEUE_DEPTH.name: late_ms, **self.runtime()})
        yield from gauges.memory()

    def _network(self) -> Iterator[tuple[Metric, exposition.Series]]:
        listeners = {tuple(map(label, labels)): handle for labels, handle in self._listeners.items()}
        yield names.CONNECTIONS, {labels: [handle.connections] for labels, handle in listeners.items()}
        yield names.RECEIVED_BYTES, {labels: [handle.received] for labels, handle in listeners.items()}
        yield names.SENT_BYTES, {labels: [handle.sent] for labels, handle in listeners.items()}
        yield names.TLS_HANDSHAKE, {labels: h.handshakes for labels, h in listeners.items() if h.handshakes is not None}


def _content_type(accept: str) -> str:
    openmetrics = choose_encoder(accept)[1].startswith("application/openmetrics-text")
    return CONTENT_TYPE_OPENMETRICS if openmetrics else CONTENT_TYPE_PLAIN_0_0_4


def _empty(histogram: Metric) -> Cell:
    return zeros(len(histogram.buckets) + 2)


def _check(labels: tuple[str, ...]) -> None:
    """
    Raises:
        ValueError: see `Metrics`.
    """
    taken = {"le", "worker"}.union(*(row.labels for row in tables.METRICS))
    for at, name in enumerate(labels):
        if not _LABEL_NAME.fullmatch(name):
            raise ValueError(f"metrics label {name!r}: letters, digits and underscores only, and not two to begin with")
        if name in taken:
            raise ValueError(f"metrics label {name!r}: metrics have that label anyway")
        if name in labels[:at]:
            raise ValueError(f"metrics label {name!r} is there twice")
