"""Where a finished exchange goes: the access log and the metrics, both views of its one record."""

from sluice.relay.record import ExchangeRecord
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog


class Report:
    """Implements `gateway.gateway.Telemetry`."""

    def __init__(self, access_log: AccessLog, metrics: Metrics, log: ProcessLog) -> None:
        self._access_log = access_log
        self._metrics = metrics
        self._log = log

    def record(self, record: ExchangeRecord) -> None:
        self._metrics.observe(record)
        self._access_log.record(record)

    def stream_began(self) -> None:
        self._metrics.stream_started()

    def stream_ended(self) -> None:
        self._metrics.stream_ended()

    def fault(self, error: BaseException) -> None:
        self._log.error("internal error", cause=error)
