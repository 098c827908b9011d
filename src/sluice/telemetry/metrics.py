"""The numbers: exchange records and a few counters of the network in, one exposition out.

Recording is plain additions, all of an exchange's series found by one dict lookup; the rest waits for the scrape.
Nothing here runs per chunk, takes a lock, or raises for what a client sent. One instance per process, one event loop.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS

from sluice.chat.usage import Usage
from sluice.policies.cost import USD, Cost
from sluice.relay.record import ExchangeRecord, Route
from sluice.telemetry import exposition, gauges, names
from sluice.telemetry.metric import Metric
from sluice.telemetry.policy_counters import PolicyCounters, count_guards
from sluice.telemetry.series import MAX_LABEL_CHARS, OTHER, Cell, Family, LabelValues, label, method_label, observe

MAX_SERIES = 2_000
"""Label sets per family. A histogram's label set costs about 1 KiB here and 18 samples in Prometheus."""


class ListenerCounters:
    """The handle of one listener: the network adds to its numbers directly (`handle.sent += n`)."""

    __slots__ = ("connections", "received", "sent")

    def __init__(self) -> None:
        self.connections = 0
        self.received = 0
        """Bytes from clients."""
        self.sent = 0
        """Bytes to clients."""


class _ExchangeCells:
    """Every series that exchanges with the same labels add to. None: these exchanges do not have it."""

    __slots__ = (
        *("bytes", "duration", "ended", "gen_ai", "http", "input", "inter_token", "llm_duration", "malformed"),
        *("outcome", "output", "processing_in", "processing_out", "requests", "timeouts", "tpot", "ttft"),
    )
    gen_ai: LabelValues
    http: LabelValues
    malformed: LabelValues
    timeouts: LabelValues
    requests: Cell
    ended: Cell
    duration: Cell
    bytes: Cell
    processing_in: Cell
    processing_out: Cell
    outcome: Cell | None
    llm_duration: Cell | None
    input: Cell | None
    output: Cell | None
    ttft: Cell | None
    tpot: Cell | None
    inter_token: Cell | None


class Metrics:
    """All series of this process.

    Set `runtime`, `gateway` and `log_lines_dropped` to what the scrape shall ask: gauges by the names of
    `names.RUNTIME_GAUGES` and of `names.GATEWAY_GAUGES` (absent = 0), and a count.

    Raises:
        ValueError: `prefix` cannot begin a metric name.
    """

    def __init__(self, prefix: str, tag: str, *, max_series: int = MAX_SERIES) -> None:
        if not re.fullmatch(r"([a-zA-Z_][a-zA-Z0-9_]*)?", prefix):
            raise ValueError(f"metrics prefix {prefix!r}: letters, digits and underscores only")
        self.streams_active = 0
        self.runtime: Callable[[], Mapping[str, float]] = gauges.asyncio_runtime
        self.gateway: Callable[[], Mapping[str, float]] = dict
        self.log_lines_dropped: Callable[[], int] = int
        self._prefix = prefix
        self._tag = label(tag)
        self._max_series = max_series
        self._families = {metric.name: Family(metric, max_series) for metric in names.RECORD_FAMILIES}
        self._model_families = tuple(self._families[metric.name] for metric in names.MODEL_FAMILIES)
        self.policies = PolicyCounters(max_series)
        self._lag: Cell = [0] * (len(names.LOOP_LAG_BUCKETS_S) + 2)
        self._listeners: dict[LabelValues, ListenerCounters] = {}
        self._bound: dict[tuple[object, ...], _ExchangeCells] = {}
        self._process = CollectorRegistry()
        ProcessCollector(namespace=prefix.rstrip("_"), registry=self._process)

    # -- recording ----------------------------------------------------------------------------------------------------

    def observe(self, record: ExchangeRecord) -> None:
        """Count one exchange. Call it exactly once per record."""
        usage = record.usage
        key = (
            *(record.route, record.method, record.status, record.reason, record.protocol, record.operation),
            *(record.provider, record.request_model, record.response_model, record.outcome, record.streaming),
            usage is None,
        )
        cells = self._bound.get(key)
        if cells is None:
            cells = self._bind(record)
            self._remember(key, record, cells)
        stream = record.stream
        cells.requests[0] += 1
        cells.ended[0] += 1
        cells.bytes[0] += stream.bytes_to_client
        observe(cells.duration, names.HTTP_DURATION_BUCKETS_S, record.duration_s)
        if record.added_s > 0.0:
            observe(cells.processing_in, names.PROCESSING_BUCKETS_S, record.added_s)
        if record.answer_added_s > 0.0:
            observe(cells.processing_out, names.PROCESSING_BUCKETS_S, record.answer_added_s)
        if cells.outcome is not None:
            cells.outcome[0] += 1
        if cells.llm_duration is not None:
            observe(cells.llm_duration, names.LLM_DURATION_BUCKETS_S, record.duration_s)
            if usage is not None:
                self._tokens(cells, usage)
            if record.money.usage.total_tokens:
                self._cost(cells, record.money.cost)
            if record.streaming:
                _timings(cells, record)
        failed = record.attempts > 1 or record.outcome == "timeout"
        if record.guards or record.guard.checks:
            count_guards(self._cell, _route_labels(record.route), record)
        if failed or record.connect_s is not None or stream.malformed or record.unrecognised:
            self._rare(cells, record)

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

    # -- showing ------------------------------------------------------------------------------------------------------

    def render(self, accept: str) -> tuple[str, bytes]:
        """Return content type and body of a scrape, in the format that the Accept header prefers.

        Cost: about 0.9 us a sample, in the event loop.
        """
        openmetrics = choose_encoder(accept)[1].startswith("application/openmetrics-text")
        content_type = CONTENT_TYPE_OPENMETRICS if openmetrics else CONTENT_TYPE_PLAIN_0_0_4
        ours = exposition.write(self._collect(), self._prefix, openmetrics=openmetrics).encode()
        process = choose_encoder(content_type)[0](self._process)
        return content_type, ours + process  # the library's part stands last: it brings the `# EOF` of OpenMetrics

    def _collect(self) -> Iterator[tuple[Metric, exposition.Series]]:
        for family in self._families.values():
            yield family.metric, family.cells
        yield from self.policies.collect()
        listeners = {tuple(map(label, labels)): handle for labels, handle in self._listeners.items()}
        yield names.CONNECTIONS, {labels: [handle.connections] for labels, handle in listeners.items()}
        yield names.RECEIVED_BYTES, {labels: [handle.received] for labels, handle in listeners.items()}
        yield names.SENT_BYTES, {labels: [handle.sent] for labels, handle in listeners.items()}
        yield names.ACTIVE_STREAMS, {(): [self.streams_active]}
        yield from gauges.families(names.GATEWAY_GAUGES, self.gateway())
        yield names.LOOP_LAG, {(): self._lag}
        yield names.LOG_LINES_DROPPED, {(): [self.log_lines_dropped()]}
        yield names.BUILD_INFO, {(self._tag,): [1]}
        yield from gauges.families(names.RUNTIME_GAUGES, self.runtime())

    # -- once per label set -------------------------------------------------------------------------------------------

    def _remember(self, key: tuple[object, ...], record: ExchangeRecord, cells: _ExchangeCells) -> None:
        """Keep the bundle unless the key holds long strings of a client; start over when there are too many."""
        if max(len(record.method), len(record.request_model), len(record.response_model)) > MAX_LABEL_CHARS:
            return
        if len(self._bound) >= self._max_series:
            self._bound.clear()
        self._bound[key] = cells

    def _cell(self, metric: Metric, labels: LabelValues) -> Cell:
        return self._families[metric.name].cell(labels)

    def _bind(self, record: ExchangeRecord) -> _ExchangeCells:
        """Find or begin every series of an exchange with this record's labels."""
        route = _route_labels(record.route)
        backend = label(record.route.backend)
        cells = _ExchangeCells()
        cells.http = (
            *(*route, backend, label(record.protocol)),
            *(method_label(record.method), str(record.status), label(record.reason)),
        )
        cells.requests = self._cell(names.REQUESTS, cells.http)
        cells.duration = self._cell(names.REQUEST_DURATION, cells.http)
        cells.bytes = self._cell(names.RESPONSE_BYTES, cells.http)
        cells.ended = self._cell(names.EXCHANGE_OUTCOMES, (*route, backend, label(record.protocol), record.outcome))
        cells.timeouts = (*route, backend, label(record.provider))
        cells.processing_in = self._cell(names.REQUEST_PROCESSING, (*route, backend))
        cells.processing_out = self._cell(names.RESPONSE_PROCESSING, (*route, backend))
        self._bind_gen_ai(cells, route, record)
        return cells

    def _bind_gen_ai(self, cells: _ExchangeCells, route: LabelValues, record: ExchangeRecord) -> None:
        llm = record.protocol == "llm" and record.operation != ""
        system = label(record.provider)
        models = self._models((*route, label(record.operation), system), record)
        labels = cells.gen_ai = (*route, label(record.operation), system, *models)
        cells.malformed = (*route, system)
        stream = llm and record.streaming
        used = llm and record.usage is not None
        outcome = (*route, system, *models, record.outcome)
        cells.outcome = self._cell(names.STREAM_OUTCOMES, outcome) if record.streaming else None
        cells.llm_duration = self._cell(names.LLM_DURATION, labels) if llm else None
        cells.ttft = self._cell(names.TTFT, labels) if stream else None
        cells.tpot = self._cell(names.TPOT, labels) if stream else None
        cells.inter_token = self._cell(names.INTER_TOKEN, labels) if stream else None
        cells.input = self._cell(names.TOKEN_USAGE, (*labels, "input")) if used else None
        cells.output = self._cell(names.TOKEN_USAGE, (*labels, "output")) if used else None

    def _models(self, labels: LabelValues, record: ExchangeRecord) -> tuple[str, str]:
        """Return the model labels: once any family is full, new ones are `other` in all, so that ratios stay true."""
        models = label(record.request_model), label(record.response_model)
        known = (*labels, *models) in self._families[names.LLM_DURATION.name].cells
        if not known and any(family.full for family in self._model_families):
            return OTHER, OTHER
        return models

    # -- parts of observe ---------------------------------------------------------------------------------------------

    def _tokens(self, cells: _ExchangeCells, usage: Usage) -> None:
        if cells.input is not None:
            observe(cells.input, names.TOKEN_BUCKETS, usage.input_tokens)
        if cells.output is not None:
            observe(cells.output, names.TOKEN_BUCKETS, usage.output_tokens)
        if usage.cache_read_tokens:
            cell = self._cell(names.TOKEN_USAGE, (*cells.gen_ai, "input_cache_read"))
            observe(cell, names.TOKEN_BUCKETS, usage.cache_read_tokens)
        if usage.cache_write_tokens:
            cell = self._cell(names.TOKEN_USAGE, (*cells.gen_ai, "input_cache_write"))
            observe(cell, names.TOKEN_BUCKETS, usage.cache_write_tokens)

    def _cost(self, cells: _ExchangeCells, cost: Cost) -> None:
        self._cell(names.COST, cells.gen_ai)[0] += cost.total / USD
        self._cell(names.COST_LOOKUPS, (cost.status, *cells.gen_ai))[0] += 1

    def _rare(self, cells: _ExchangeCells, record: ExchangeRecord) -> None:
        if record.attempts > 1:
            self._cell(names.RETRIES, cells.http)[0] += record.attempts - 1
            for target, result in record.tried[:-1]:
                labels = (label(record.route.backend), label(target), label(result))
                self._cell(names.ABANDONED_ATTEMPTS, labels)[0] += 1
        if phase := record.timeout_phase:
            self._cell(names.TIMEOUTS, (*cells.timeouts, phase))[0] += 1
        if record.connect_s is not None:
            cell = self._cell(names.UPSTREAM_CONNECT, (label(record.connect_transport),))
            observe(cell, names.CONNECT_BUCKETS_S, record.connect_s)
        if record.stream.malformed:
            self._cell(names.MALFORMED_EVENTS, cells.malformed)[0] += record.stream.malformed
        if record.unrecognised:
            self._cell(names.UNRECOGNISED_EVENTS, cells.malformed)[0] += sum(n for _, n in record.unrecognised)


def _timings(cells: _ExchangeCells, record: ExchangeRecord) -> None:
    stream = record.stream
    if cells.ttft is not None and stream.first_token_s is not None:
        observe(cells.ttft, names.TTFT_BUCKETS_S, stream.first_token_s)
    if cells.tpot is not None and record.tpot_s is not None:
        observe(cells.tpot, names.TPOT_BUCKETS_S, record.tpot_s)
    if cells.inter_token is not None and stream.gap_counts:
        for bucket, count in enumerate(stream.gap_counts):
            if count:
                cells.inter_token[bucket] += count
        cells.inter_token[-1] += stream.gap_sum_s


def _route_labels(route: Route) -> LabelValues:
    return label(route.bind), label(route.gateway), label(route.listener), label(route.route), label(route.route_rule)
