"""Where a finished exchange goes: the access log, the metrics, the traces, all views of its one record.

The records of one turn of the event loop are built and told together, before the loop looks for anything new: under
load the work is the same and the processor's caches are warm.
"""

import time
from collections.abc import Callable, Mapping

from sluice.config.plan import Plan
from sluice.relay.record import BesideFacts, ExchangeRecord
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.recent import Recent
from sluice.telemetry.traces import Traces

MAX_TOLD = 256
"""Kinds of unrecognised things that the process log names; the metric counts on."""
MAX_WHAT = 128
"""Characters of a provider's own word in the log."""
SETTLED_S = 10.0
"""How long memory stays below its mark before the log says that it does."""

_MIB = 1 << 20


class Report:
    """Implements `gateway.gateway.Telemetry`."""

    def __init__(
        self,
        access_log: AccessLog,
        metrics: Metrics,
        log: ProcessLog,
        call_soon: Callable[[Callable[[], None]], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`call_soon` is the event loop's. Call `flush` when the loop has ended."""
        self._access_log = access_log
        self._metrics = metrics
        self._log = log
        self._call_soon = call_soon
        self._clock = clock
        self.traces: Traces | None = None
        """Where spans go; None = nowhere, whoever is sampled."""
        self.recent: Recent | None = None
        """What has just happened; None = nobody can look."""
        self._records: list[Callable[[], ExchangeRecord]] = []
        self._told: set[tuple[str, str]] = set()
        """Unrecognised things that the log has been told of: each once in the life of the process."""
        self._short_of_memory = False
        """The log was told so."""
        self._last_above = 0.0

    def follow(self, plan: Plan) -> None:
        """Make ready for the traces of another plan: see `Traces.follow`."""
        if self.traces is not None:
            self.traces.follow(plan)

    def record(self, record: Callable[[], ExchangeRecord]) -> None:
        self._records.append(record)
        if len(self._records) == 1:
            self._call_soon(self.flush)

    def beside(self, facts: BesideFacts) -> None:
        """Tell of a span that is in no record."""
        if self.traces is not None:
            try:
                self.traces.beside(facts)
            except Exception as error:  # nobody who ends is held up by it
                self.fault(error)

    def look_back(self) -> Recent:
        """Keep from now on what has just happened."""
        self.recent = Recent()
        return self.recent

    def flush(self) -> None:
        """Tell what was recorded and not told yet."""
        builders, self._records = self._records, []
        records = [record for build in builders if (record := self._built(build)) is not None]
        for record in records:
            self._tell(self._metrics.observe, record)
            self._tell(self._access_log.record, record)
            if self.traces is not None:
                self._tell(self.traces.record, record)
            if self.recent is not None:
                self._tell(self.recent.record, record)
            if record.unrecognised:
                self._unrecognised(record)

    def _tell(self, view: Callable[[ExchangeRecord], object], record: ExchangeRecord) -> None:
        try:
            view(record)
        except Exception as error:  # as below
            self.fault(error)

    def _built(self, build: Callable[[], ExchangeRecord]) -> ExchangeRecord | None:
        try:
            return build()
        except Exception as error:  # a fault of ours in one exchange is none of the others'
            self.fault(error)
            return None

    def _unrecognised(self, record: ExchangeRecord) -> None:
        for what, _ in record.unrecognised:
            told = (record.provider, what)
            if told not in self._told and len(self._told) < MAX_TOLD:
                self._told.add(told)
                self._log.warn(
                    "a provider sent something that no dialect has a word for; said once",
                    provider=record.provider,
                    dialect=record.provider_dialect.rpartition(".")[2],
                    what=what[:MAX_WHAT],
                )

    def stream_began(self) -> None:
        self._metrics.stream_started()

    def stream_ended(self) -> None:
        self._metrics.stream_ended()

    def rests(self, target: str, seconds: float) -> None:
        """A target goes to rest: called once per rest, so the log has one line of it."""
        self._metrics.policies.target_rested(target)
        self._log.warn("a target is given a rest", target=target, seconds=round(seconds, 3))

    def mirrored(self, mirror: str, result: str) -> None:
        """A copy of a request was sent, failed or was dropped."""
        self._metrics.policies.mirrored(mirror, result)

    def limited(self, limit: str) -> None:
        """This limit has refused an exchange, or cut it."""
        self._metrics.policies.limited(limit)

    def failed_open(self, limit: str) -> None:
        """An exchange was admitted although this limit could not be asked."""
        self._metrics.policies.failed_open(limit)

    def memory(self, resident_bytes: int, mark_bytes: int) -> None:
        """Take note of how much memory the process holds; 0 = there is no mark. Call it at every weighing.

        Says once that the mark was passed, and once that it was left: when it has not been passed for SETTLED_S, so
        that a process that hovers about its mark does not fill the log.
        """
        if mark_bytes and resident_bytes > mark_bytes:
            self._last_above = self._clock()
            if not self._short_of_memory:
                self._short_of_memory = True
                self._log.warn("memory is above its mark: new requests are refused", **_mib(resident_bytes, mark_bytes))
        elif self._short_of_memory and (not mark_bytes or self._clock() - self._last_above >= SETTLED_S):
            self._short_of_memory = False
            self._log.warn("memory is below its mark again", **_mib(resident_bytes, mark_bytes))

    def shows(self, numbers: Mapping[str, Callable[[], Mapping[str, float]]]) -> None:
        """Have these asked for at each scrape. See `Metrics.by_label`."""
        self._metrics.by_label |= numbers

    def calls(self, kind: str, subtype: str) -> Callable[[float], None]:
        """Return who is told how many seconds a call took that is no exchange's own. See `Metrics.calls`."""
        return self._metrics.calls(kind, subtype)

    def fault(self, error: BaseException) -> None:
        self._log.error("internal error", cause=error)


def _mib(resident_bytes: int, mark_bytes: int) -> dict[str, float]:
    return {"resident_mib": round(resident_bytes / _MIB, 1), "mark_mib": round(mark_bytes / _MIB, 1)}
