"""Every series that exchanges with the same labels add to, found once and kept."""

from sluice.relay.record import ExchangeRecord
from sluice.telemetry import stream_names as names
from sluice.telemetry.policy_counters import CellOf
from sluice.telemetry.series import Cell, LabelValues, observe


class StreamCells:
    """Of those that asked for a stream. None: these exchanges do not have it."""

    __slots__ = (
        *("delivered", "event_added", "first_byte", "first_event", "inter_token", "outcome", "stalled", "stalls"),
        *("tpot", "ttft"),
    )

    def __init__(self, *, outcome: Cell, stalls: Cell, stalled: Cell, event_added: Cell) -> None:
        self.outcome, self.stalls, self.stalled, self.event_added = outcome, stalls, stalled, event_added
        self.ttft: Cell | None = None
        self.first_byte: Cell
        self.first_event: Cell
        self.delivered: Cell
        self.tpot: Cell
        self.inter_token: Cell

    def times(self, cell: CellOf, gen_ai: LabelValues, outcome: str) -> None:
        """They are of a model, and have its times."""
        self.ttft = cell(names.TTFT, gen_ai)
        self.tpot = cell(names.TPOT, gen_ai)
        self.inter_token = cell(names.INTER_TOKEN, gen_ai)
        self.first_byte = cell(names.TIME_TO_FIRST_BYTE, (*gen_ai, outcome))
        self.first_event = cell(names.TIME_TO_FIRST_EVENT, (*gen_ai, outcome))
        self.delivered = cell(names.TTFT_DELIVERED, (*gen_ai, outcome))

    def count(self, record: ExchangeRecord) -> None:
        """Add a record's stream."""
        stream = record.stream
        self.outcome[0] += 1
        if stream.stalls:
            self.stalls[0] += stream.stalls
            self.stalled[0] += stream.stalled_s
        if stream.added_counts:
            _add(self.event_added, stream.added_counts, stream.added_sum_s)
        if self.ttft is None:
            return
        if stream.first_byte_s is not None:
            observe(self.first_byte, names.FIRST_BUCKETS_S, stream.first_byte_s)
        if stream.first_event_s is not None:
            observe(self.first_event, names.FIRST_BUCKETS_S, stream.first_event_s)
        if stream.first_token_s is not None:
            observe(self.ttft, names.TTFT_BUCKETS_S, stream.first_token_s)
        if stream.first_sent_s is not None:
            observe(self.delivered, names.FIRST_BUCKETS_S, stream.first_sent_s)
        if record.tpot_s is not None:
            observe(self.tpot, names.TPOT_BUCKETS_S, record.tpot_s)
        if stream.gap_counts:
            _add(self.inter_token, stream.gap_counts, stream.gap_sum_s)


class ExchangeCells:
    """None: these exchanges do not have it. The tuples are labels of what they seldom have."""

    __slots__ = (
        *("added", "bytes", "call", "duration", "ended", "gen_ai", "http", "input", "llm_added", "llm_duration"),
        *("malformed", "output", "processing_in", "processing_out", "requests", "stream", "timeouts"),
    )
    added: LabelValues
    """What an operator added, and so at the end of each."""
    llm_added: LabelValues
    """The same beside labels of models."""
    gen_ai: LabelValues
    http: LabelValues
    malformed: LabelValues
    timeouts: LabelValues
    requests: Cell
    ended: Cell
    duration: Cell
    bytes: Cell
    call: Cell
    processing_in: Cell
    processing_out: Cell

    def __init__(self) -> None:
        self.stream: StreamCells | None = None
        self.llm_duration: Cell | None = None
        self.input: Cell | None = None
        self.output: Cell | None = None


def _add(cell: Cell, counts: tuple[int, ...], total: float) -> None:
    """Add a histogram that was sorted elsewhere."""
    for bucket, count in enumerate(counts):
        if count:
            cell[bucket] += count
    cell[-1] += total
