"""The numbers of exchanges: records in, series out.

All of a record's series are found by one dict lookup; then it is plain additions. Nothing here runs per chunk, takes a
lock, or raises for what a client sent.
"""

from functools import partial

import msgspec

from sluice.chat.usage import Usage
from sluice.policies.cost import USD, Cost
from sluice.relay.record import UNKNOWN, ExchangeRecord, Route
from sluice.telemetry import names, server_names, stream_names
from sluice.telemetry.exchange_cells import ExchangeCells, StreamCells
from sluice.telemetry.metric import Metric
from sluice.telemetry.policy_counters import count_guards
from sluice.telemetry.series import MAX_LABEL_CHARS, OTHER, Cell, Family, LabelValues, label, method_label, observe


class ExchangeCounters:
    """All families that records feed. One per process."""

    def __init__(self, max_series: int, added: tuple[str, ...] = ()) -> None:
        """`added`: names of labels that every family with the labels of a route has besides; a record's
        `observed.labels` are their values."""
        self._max_series = max_series
        self._added = added
        rows = [_with(row, added) for row in names.RECORD_FAMILIES]
        self.families = {
            row.name: Family(row, max_series, len(added) if "bind" in row.labels else 0)
            for row in (*rows, server_names.UPSTREAM_CALL)
        }
        self._model_families = tuple(self.families[row.name] for row in names.MODEL_FAMILIES)
        self._added_families = tuple(self.families[row.name] for row in rows if added and "bind" in row.labels)
        self._known: set[LabelValues] = set()
        """What clients chose, and has series of its own: the labels of models and those that were added."""
        self._bound: dict[tuple[object, ...], ExchangeCells] = {}

    def observe(self, record: ExchangeRecord) -> None:
        """Count one exchange. Call it exactly once per record."""
        usage = record.usage
        key: tuple[object, ...] = (
            *(record.route, record.method, record.status, record.reason, record.protocol, record.operation),
            *(record.provider, record.request_model, record.response_model, record.outcome, record.streaming),
            usage is None,
        )
        if self._added:
            key = (*key, *record.observed.labels)
        cells = self._bound.get(key)
        if cells is None:
            cells = self._bind(record)
            self._remember(key, record, cells)
        stream = record.stream
        cells.requests[0] += 1
        cells.ended[0] += 1
        cells.bytes[0] += stream.bytes_to_client
        observe(cells.duration, server_names.HTTP_DURATION_BUCKETS_S, record.duration_s)
        if record.added_s > 0.0:
            observe(cells.processing_in, names.PROCESSING_BUCKETS_S, record.added_s)
        if record.answer_added_s > 0.0:
            observe(cells.processing_out, names.PROCESSING_BUCKETS_S, record.answer_added_s)
        for took_s in record.calls_s:
            observe(cells.call, server_names.HTTP_DURATION_BUCKETS_S, took_s)
        if cells.stream is not None:
            cells.stream.count(record)
        if cells.llm_duration is not None:
            observe(cells.llm_duration, names.LLM_DURATION_BUCKETS_S, record.duration_s)
            if usage is not None:
                self._tokens(cells, usage)
            if record.money.usage.total_tokens:
                self._cost(cells, record.money.cost)
        failed = record.attempts > 1 or record.outcome == "timeout"
        if record.guards or record.guard.checks:
            count_guards(partial(self._beside, cells.added), _route_labels(record.route), record)
        if failed or record.connect_s is not None or stream.malformed or record.unrecognised:
            self._rare(cells, record)

    # -- once per label set -------------------------------------------------------------------------------------------

    def _remember(self, key: tuple[object, ...], record: ExchangeRecord, cells: ExchangeCells) -> None:
        """Keep the bundle unless the key holds long strings of a client; start over when there are too many."""
        chosen = (record.method, record.request_model, record.response_model, *record.observed.labels)
        if max(map(len, chosen)) > MAX_LABEL_CHARS:
            return
        if len(self._bound) >= self._max_series:
            self._bound.clear()
        self._bound[key] = cells

    def _cell(self, metric: Metric, labels: LabelValues) -> Cell:
        return self.families[metric.name].cell(labels)

    def _beside(self, added: LabelValues, metric: Metric, labels: LabelValues) -> Cell:
        return self.families[metric.name].cell((*labels, *added))

    def _bind(self, record: ExchangeRecord) -> ExchangeCells:
        """Find or begin every series of an exchange with this record's labels."""
        route, outcome = _route_labels(record.route), record.outcome
        backend, protocol = label(record.route.backend), label(record.protocol)
        cells = ExchangeCells()
        cells.added = added = self._chosen(self._values(record))
        status, reason = str(record.status), label(record.reason)
        cells.http = http = (*route, backend, protocol, method_label(record.method), status, reason, outcome, *added)
        cells.requests = self._cell(names.REQUESTS, http)
        cells.duration = self._cell(names.REQUEST_DURATION, http)
        cells.bytes = self._cell(names.RESPONSE_BYTES, http)
        cells.ended = self._cell(names.EXCHANGE_OUTCOMES, (*route, backend, protocol, outcome, *added))
        cells.timeouts = (*route, backend, label(record.provider))
        cells.processing_in = self._cell(names.REQUEST_PROCESSING, (*route, backend, *added))
        cells.processing_out = self._cell(names.RESPONSE_PROCESSING, (*route, backend, *added))
        subtype = "Llm" if record.protocol == "llm" else "Http"
        cells.call = self._cell(server_names.UPSTREAM_CALL, ("Primary", subtype))
        self._bind_gen_ai(cells, route, record)
        return cells

    def _bind_gen_ai(self, cells: ExchangeCells, route: LabelValues, record: ExchangeRecord) -> None:
        llm = record.protocol == "llm" and record.operation != ""
        system = label(record.provider)
        place = (*route, label(record.operation), system)
        cells.malformed = (*route, system)
        if not (llm or record.streaming):
            return
        models, added = self._models(place, record)
        cells.llm_added = added
        cells.gen_ai = gen_ai = (*place, *models)
        cell = partial(self._beside, added)
        if record.streaming:
            ended = (*cells.malformed, *models, record.outcome)
            cells.stream = stream = StreamCells(
                outcome=cell(stream_names.STREAM_OUTCOMES, ended),
                stalls=cell(stream_names.STALLS, ended),
                stalled=cell(stream_names.STALLED, ended),
                event_added=cell(stream_names.EVENT_ADDED, (*route, label(record.route.backend))),
            )
            if llm:
                stream.times(cell, gen_ai, record.outcome)
        if llm:
            cells.llm_duration = cell(names.LLM_DURATION, (*gen_ai, record.outcome))
            if record.usage is not None:
                cells.input = cell(names.TOKEN_USAGE, (*gen_ai, "input"))
                cells.output = cell(names.TOKEN_USAGE, (*gen_ai, "output"))

    # -- what clients choose ------------------------------------------------------------------------------------------

    def _values(self, record: ExchangeRecord) -> LabelValues:
        """The values of the added labels; of a record that says fewer, the others are unknown."""
        if not self._added:
            return ()
        said = record.observed.labels[: len(self._added)]
        return (*map(label, said), *[UNKNOWN] * (len(self._added) - len(said)))

    def _chosen(self, added: LabelValues) -> LabelValues:
        """Return the values of the added labels as series may have them."""
        if not added or self._admits(added, self._added_families):
            return added
        return (OTHER,) * len(added)

    def _models(self, place: LabelValues, record: ExchangeRecord) -> tuple[LabelValues, LabelValues]:
        """Return the labels of models and the added ones: once any family is full, new ones are `other` in all, so
        that ratios stay true."""
        models, added = (label(record.request_model), label(record.response_model)), self._values(record)
        if self._admits((*place, *models, *added), self._model_families):
            return models, added
        return (OTHER, OTHER), (OTHER,) * len(added)

    def _admits(self, chosen: LabelValues, families: tuple[Family, ...]) -> bool:
        if chosen in self._known:
            return True
        if any(family.full for family in families):
            return False
        self._known.add(chosen)  # it gets a series, so there are no more of them than families hold
        return True

    # -- parts of observe ---------------------------------------------------------------------------------------------

    def _tokens(self, cells: ExchangeCells, usage: Usage) -> None:
        if cells.input is not None:
            observe(cells.input, names.TOKEN_BUCKETS, usage.input_tokens)
        if cells.output is not None:
            observe(cells.output, names.TOKEN_BUCKETS, usage.output_tokens)
        for kind, count in (
            ("input_cache_read", usage.cache_read_tokens),
            ("input_cache_write", usage.cache_write_tokens),
        ):
            if count:
                cell = self._beside(cells.llm_added, names.TOKEN_USAGE, (*cells.gen_ai, kind))
                observe(cell, names.TOKEN_BUCKETS, count)

    def _cost(self, cells: ExchangeCells, cost: Cost) -> None:
        self._beside(cells.llm_added, names.COST, cells.gen_ai)[0] += cost.total / USD
        self._beside(cells.llm_added, names.COST_LOOKUPS, (cost.status, *cells.gen_ai))[0] += 1

    def _rare(self, cells: ExchangeCells, record: ExchangeRecord) -> None:
        beside = partial(self._beside, cells.added)
        if record.attempts > 1:
            self._cell(names.RETRIES, cells.http)[0] += record.attempts - 1
            for target, result in record.tried[:-1]:
                labels = (label(record.route.backend), label(target), label(result))
                self._cell(names.ABANDONED_ATTEMPTS, labels)[0] += 1
        if phase := record.timeout_phase:
            beside(names.TIMEOUTS, (*cells.timeouts, phase))[0] += 1
        if record.connect_s is not None:
            cell = self._cell(names.UPSTREAM_CONNECT, (label(record.connect_transport),))
            observe(cell, server_names.CONNECT_BUCKETS_S, record.connect_s)
        if record.stream.malformed:
            beside(names.MALFORMED_EVENTS, cells.malformed)[0] += record.stream.malformed
        if record.unrecognised:
            beside(names.UNRECOGNISED_EVENTS, cells.malformed)[0] += sum(n for _, n in record.unrecognised)


def _with(row: Metric, added: tuple[str, ...]) -> Metric:
    """A row with the labels that an operator has added, if it is one that has them."""
    if not added or "bind" not in row.labels:
        return row
    return msgspec.structs.replace(row, labels=(*row.labels, *added))


def _route_labels(route: Route) -> LabelValues:
    return label(route.bind), label(route.gateway), label(route.listener), label(route.route), label(route.route_rule)
