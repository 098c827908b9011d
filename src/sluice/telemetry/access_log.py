"""The access log: one line about each exchange, a view of its record.

Keys, order and types: compat-agentgateway 4.3 and labs 5.3 (flat dotted keys, integer `http.status`, `duration` as
"123ms"), then what that log lacks: streaming, outcome, chunks, finish reason. A fact that is absent is left out, never
null. Prompts, answers and query strings are not in the record unless an operator's own expressions name them
(`ExchangeRecord.observed`), so they cannot get here.
"""

from collections.abc import Callable, Iterator
from typing import Final

from sluice.policies.cost import USD
from sluice.policies.observing import UNOBSERVED, Observed
from sluice.relay.record import UNKNOWN, ExchangeRecord
from sluice.telemetry.line import Fields, Format, JsonText, Value, compact, encoder, one_word, timestamp
from sluice.telemetry.process_log import ProcessLog, Threshold
from sluice.telemetry.stdout import StdoutWriter, stdout_writer

__all__ = ["AccessLog", "ProcessLog", "StdoutWriter", "Threshold", "fields", "stdout_writer"]

MAX_LINE_BYTES = 4096
"""PIPE_BUF on Linux: longer lines of several processes could mingle in one pipe. A client may send 64 KiB of path."""
MAX_WIDE_BYTES = 64 << 10
"""Of a line to which an operator has added fields. Workers have pipes of their own (`net/log_pipes.py`): theirs never
mingle."""
CUT_TO_CHARS = (256, 64, 16)
"""What is left of each text in a line that would be longer: the first that is enough."""
WIDE_CUT_TO_CHARS = (1024, 128)
"""Of a line with added fields, texts inside lists and maps included. If the last is not enough, lists and maps are cut
as text, and then left out."""
MAX_BITS = 512
"""Of a number in a line that would be longer: clients send seeds of 4,000 digits. It is cut as a text."""
MAX_VALUES = MAX_WIDE_BYTES // 8
_SHOWN: Final = (str, int, float, list, dict)


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
        self._json = format == "json"
        self._threshold = threshold or Threshold()

    def record(self, record: ExchangeRecord) -> None:
        """Write the line of one exchange, if it gets one. Call it exactly once per record. Raises only what `write`
        raises."""
        if not (record.observed.logged and self._threshold.allows("info")):
            return
        line = fields(record)
        if record.observed is not UNOBSERVED:
            self._write(self._wide(line, record.observed))
            return
        encoded = self._encode(line)
        self._write(encoded if len(encoded) <= MAX_LINE_BYTES else self._cut(line))

    def _cut(self, line: Fields) -> bytes:
        encoded = b""
        for chars in CUT_TO_CHARS:
            encoded = self._encode({key: shortened(value, chars) for key, value in line.items()})
            if len(encoded) <= MAX_LINE_BYTES:
                break
        return encoded

    def _wide(self, own: Fields, observed: Observed) -> bytes:
        """Return the line with what the operator has added to it and without what they have taken away."""
        line = {key: value for key, value in own.items() if key not in observed.removed}
        added: Fields = {key: value for key, value in observed.fields if isinstance(value, _SHOWN)}
        limit = MAX_WIDE_BYTES if added else MAX_LINE_BYTES
        for wide in ({**line, **added}, *_cuts({**line, **added})):
            if len(encoded := self._encode(wide if self._json else _as_text(wide))) <= limit:
                return encoded
        return self._cut(line)


def _cuts(line: Fields) -> Iterator[Fields]:
    if _is_small(line):
        for chars in WIDE_CUT_TO_CHARS:
            yield {key: shortened(value, chars) for key, value in line.items()}
    yield {
        key: shortened(compact(value) if isinstance(value, list | dict) else value, WIDE_CUT_TO_CHARS[-1])
        for key, value in line.items()
    }


def _is_small(line: Fields) -> bool:
    """Whether shorter texts may help: of so many values no line has room, and to look at each takes its time."""
    seen, found = 0, list[object](line.values())
    while found and seen <= MAX_VALUES:
        value = found.pop()
        seen += 1
        if isinstance(value, dict | list):
            found += value.values() if isinstance(value, dict) else value
    return not found


def _as_text(line: Fields) -> Fields:
    """Names are looked at, too: `flatten` takes them from what a client sent."""
    return {
        one_word(key): JsonText(compact(value)) if isinstance(value, list | dict) else value
        for key, value in line.items()
    }


def shortened(value: Value, chars: int) -> Value:
    """Return a value with each text in it at most so long, `…` where it was cut."""
    found = _shortened(value, chars)
    assert isinstance(found, _SHOWN)
    return found


def _shortened(value: object, chars: int) -> object:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        value = str(value)
    if isinstance(value, str):
        return value if len(value) <= chars else f"{value[:chars]}…"
    if isinstance(value, dict):
        return {key: _shortened(item, chars) for key, item in value.items()}
    return [_shortened(item, chars) for item in value] if isinstance(value, list) else value


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
