"""The access log: one line about each exchange, a view of its record.

Keys, order and types: compat-agentgateway 4.3 and labs 5.3 (flat dotted keys, integer `http.status`, `duration` as
"123ms"), then what that log lacks: streaming, outcome, chunks, finish reason. A fact that is absent is left out, never
null. Prompts, answers and query strings are not in the record, so they cannot get here.
"""

from collections.abc import Callable

from sluice.policies.cost import USD
from sluice.relay.record import UNKNOWN, ExchangeRecord
from sluice.telemetry.line import Fields, Format, encoder, timestamp
from sluice.telemetry.process_log import ProcessLog, Threshold
from sluice.telemetry.stdout import StdoutWriter, stdout_writer

__all__ = ["AccessLog", "ProcessLog", "StdoutWriter", "Threshold", "fields", "stdout_writer"]

MAX_LINE_BYTES = 4096
"""PIPE_BUF on Linux: longer lines of several workers could mingle in one pipe. A client may send 64 KiB of path."""

CUT_TO_CHARS = 256
"""What is left of each value in a line that would be longer."""


class AccessLog:
    """Write exactly one line per record, each in one call of `write`, newline included.

    The level of every line is info; a `threshold` above info silences them.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        format: Format,  # noqa: A002 - the configuration's word
        threshold: Threshold | None = None,
    ) -> None:
        self._write = write
        self._encode = encoder(format)
        self._threshold = threshold or Threshold()

    def record(self, record: ExchangeRecord) -> None:
        """Write the line of one exchange. Call it exactly once per record. Raises only what `write` raises."""
        if not self._threshold.allows("info"):
            return
        line = self._encode(fields(record))
        if len(line) > MAX_LINE_BYTES:
            line = self._encode(_cut(fields(record)))
        self._write(line)


def fields(record: ExchangeRecord) -> Fields:
    """Return the line's fields in their order. The time is that of the exchange's end, when the line is written."""
    line: Fields = {
        "level": "info",
        "time": timestamp(record.started_at + record.duration_s),
        "scope": "request",
        "request.id": record.request_id,
    }
    _route(line, record)
    line["http.method"] = record.method
    if record.host:
        line["http.host"] = record.host
    line["http.path"] = record.path
    line["http.version"] = record.http_version
    line["http.status"] = record.status
    line["trace.id"] = record.trace_id
    line["span.id"] = record.span_id
    if record.principal:
        _who(line, record)
    line.update(record.labels)
    line["protocol"] = record.protocol
    if record.protocol == "llm":
        _gen_ai(line, record)
    _stream(line, record)
    _end(line, record)
    return line


def _who(line: Fields, record: ExchangeRecord) -> None:
    kind, _, name = record.principal.partition(":")
    line["jwt.sub" if kind == "jwt" else "user.id"] = name


def _route(line: Fields, record: ExchangeRecord) -> None:
    route = record.route
    if route.gateway != UNKNOWN:
        line["gateway"] = route.gateway
    if route.listener != UNKNOWN:
        line["listener"] = route.listener
    if route.route_rule != UNKNOWN and not route.route_rule.isdecimal():  # a number is a rule without a name
        line["route_rule"] = route.route_rule
    if route.route != UNKNOWN:
        line["route"] = route.route
    if record.endpoint:
        line["endpoint"] = record.endpoint
    if record.src_addr:
        line["src.addr"] = record.src_addr


def _gen_ai(line: Fields, record: ExchangeRecord) -> None:
    if record.operation:
        line["gen_ai.operation.name"] = record.operation
    if record.provider != UNKNOWN:
        line["gen_ai.provider.name"] = record.provider
    if record.request_model:
        line["gen_ai.request.model"] = record.request_model
    if record.response_model:
        line["gen_ai.response.model"] = record.response_model
    _usage(line, record)
    if record.streaming and record.stream.first_token_s is not None:
        line["agw.ai.time_to_first_token"] = round(record.stream.first_token_s, 6)
    if record.streaming and record.tpot_s is not None:
        line["agw.ai.time_per_output_token"] = round(record.tpot_s, 6)
    line["agw.ai.usage.cost.total"] = record.money.cost.total / USD
    _audio(line, record)
    _params(line, record)


def _usage(line: Fields, record: ExchangeRecord) -> None:
    """Input and output stand whenever the provider reported usage; the parts only where there are any."""
    usage = record.usage
    if usage is None:
        return
    line["gen_ai.usage.input_tokens"] = usage.input_tokens
    if usage.cache_write_tokens:
        line["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write_tokens
    if usage.cache_read_tokens:
        line["gen_ai.usage.cache_read.input_tokens"] = usage.cache_read_tokens
    line["gen_ai.usage.output_tokens"] = usage.output_tokens
    if usage.reasoning_tokens:
        line["gen_ai.usage.reasoning_tokens"] = usage.reasoning_tokens


def _audio(line: Fields, record: ExchangeRecord) -> None:
    usage = record.usage
    if usage is not None and usage.input_audio_tokens:
        line["gen_ai.usage.input_audio_tokens"] = usage.input_audio_tokens
    if usage is not None and usage.output_audio_tokens:
        line["gen_ai.usage.output_audio_tokens"] = usage.output_audio_tokens


def _params(line: Fields, record: ExchangeRecord) -> None:
    params = record.params
    if params.temperature is not None:
        line["gen_ai.request.temperature"] = params.temperature
    if params.top_p is not None:
        line["gen_ai.request.top_p"] = params.top_p
    if params.max_tokens is not None:
        line["gen_ai.request.max_tokens"] = params.max_tokens
    if params.frequency_penalty is not None:
        line["gen_ai.request.frequency_penalty"] = params.frequency_penalty
    if params.presence_penalty is not None:
        line["gen_ai.request.presence_penalty"] = params.presence_penalty
    if params.seed is not None:
        line["gen_ai.request.seed"] = params.seed


def _stream(line: Fields, record: ExchangeRecord) -> None:
    if record.protocol == "llm":
        line["llm.streaming"] = record.streaming
    if record.provider_dialect and record.provider_dialect != record.client_dialect:
        line["llm.translated"] = f"{_bare(record.client_dialect)} to {_bare(record.provider_dialect)}"
    line["stream.outcome"] = record.outcome
    if phase := record.timeout_phase:
        line["timeout.phase"] = phase
    if record.streaming:
        line["stream.chunks"] = record.stream.chunks
    if record.unrecognised:
        line["stream.unrecognised"] = sum(count for _, count in record.unrecognised)
    if record.guards or record.guard.checks:
        _guards(line, record)
    if record.money.over:
        line["budget.exceeded"] = ", ".join(record.money.over)
    if record.finish_reason:
        line["gen_ai.response.finish_reason"] = record.finish_reason


def _guards(line: Fields, record: ExchangeRecord) -> None:
    facts = record.guard
    masked = sum(hits for _, action, hits in record.guards if action == "Mask")
    masked += sum(hits for _, action, hits in facts.hits if action == "mask")
    if masked:
        line["guardrail.masked"] = masked
    blocked = next(
        (guard for guard, action, _ in record.guards if action in ("Reject", "FailClosed")), facts.blocked_by
    )
    if blocked:
        line["guardrail.blocked_by"] = blocked
    failed_open = facts.failed_open + sum(action == "FailOpen" for _, action, _ in record.guards)
    if failed_open:
        line["guardrail.failed_open"] = failed_open


def _end(line: Fields, record: ExchangeRecord) -> None:
    if record.attempts > 1:
        line["retry.attempt"] = record.attempts - 1
        if record.tried:
            line["retry.targets"] = ", ".join(f"{target};{what}" for target, what in record.tried)
    if record.error:
        line["error"] = record.error
    line["reason"] = record.reason
    line["duration"] = f"{round(record.duration_s * 1000)}ms"


def _bare(module_id: str) -> str:
    return module_id.rpartition(".")[2]


def _cut(line: Fields) -> Fields:
    return {
        key: f"{value[:CUT_TO_CHARS]}…" if isinstance(value, str) and len(value) > CUT_TO_CHARS else value
        for key, value in line.items()
    }
