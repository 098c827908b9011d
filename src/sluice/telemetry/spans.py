"""The spans of one exchange, a view of its record: values without a library, which `otlp.py` puts into its own.

One server span; one client span for each attempt; internal spans for guards, identity and limits, client spans where
those asked somebody. Names: OpenTelemetry's conventions for HTTP and for generative AI, as released in 1.41 (read
2026-11-21); those of agentgateway and of the access log stand beside them (labs 5.4, compat-agentgateway 4.4). Prompts
and answers are not in the record unless an operator names them.
"""

from typing import Final, Literal

import msgspec

from sluice.chat.usage import Usage
from sluice.policies.cost import USD
from sluice.providers import conventions
from sluice.relay.record import UNKNOWN, BesideFacts, ExchangeRecord, SpanFacts, TraceFacts
from sluice.telemetry import access_log
from sluice.telemetry.span_values import Attribute, Attributes, attribute

FAILURES: Final = frozenset(["upstream_error", "upstream_truncated", "timeout", "internal", "shed", "drained"])
"""Outcomes that are a server's: the span is an error. That a client left, or was refused, is none."""
_SERVERS: Final = 500
"""Statuses from here are a server's fault."""
_GRAVE: Final = frozenset(["Failed", "FailClosed"])
_OF_LINES: Final = frozenset(["level", "time", "scope"])
"""Fields of a line that say nothing of an exchange."""
_SUBTYPES: Final = {"guard": "Guardrail", "auth": "ExtAuthz", "limit": "RateLimit"}
_PORT_DIGITS: Final = 5
_METHODS: Final = frozenset(
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"],
)
"""Those that the conventions know; another is `_OTHER`, and stands beside it as it was."""


class SpanEvent(msgspec.Struct, frozen=True):
    name: str
    at_s: float
    """Wall clock, seconds since 1970, as all times here."""
    attributes: Attributes


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a trace; ids are hexadecimal."""

    name: str
    kind: Literal["server", "client", "internal"]
    span_id: str
    parent_id: str
    """Empty = it has none."""
    parent_is_remote: bool = False
    began_s: float
    ended_s: float
    attributes: Attributes
    events: tuple[SpanEvent, ...] = ()
    failed: bool = False
    why: str = ""
    """A word for what failed."""


def spans(record: ExchangeRecord, trace: TraceFacts) -> list[Span]:
    """Return the spans of an exchange that is traced, the server's first."""
    attempts = [span for span in trace.spans if span.kind == "attempt"]
    found = [_server(record, trace)]
    for span in trace.spans:
        if span.kind == "attempt":
            found.append(_attempt(record, span, attempts.index(span), last=span is attempts[-1]))
        else:
            found.append(_step(record, span))
    return found


# -- the server's -----------------------------------------------------------------------------------------------------


def _server(record: ExchangeRecord, trace: TraceFacts) -> Span:
    path = trace.template
    if path == "/":
        path = "/*"
    attributes = _said(record, trace)
    for name in trace.tracing.remove:
        attributes.pop(name, None)
    for name, value in record.observed.attributes:
        attributes[name] = attribute(value)
    method = record.method if record.method in _METHODS else "HTTP"
    failed = record.outcome in FAILURES or record.status >= _SERVERS
    return Span(
        name=f"{method} {path}".strip(),
        kind="server",
        span_id=record.span_id,
        parent_id=trace.parent_id,
        parent_is_remote=True,
        began_s=record.started_at,
        ended_s=record.started_at + record.duration_s,
        attributes=attributes,
        events=tuple(SpanEvent(name, record.started_at + at, dict(said)) for name, at, said in trace.events),
        failed=failed,
        why=_wrong(record),
    )


def _wrong(record: ExchangeRecord) -> str:
    """What went wrong, as a word: of a server that answers with an error, and of which no more is known, its status."""
    if record.error_code or record.outcome != "completed":
        return record.error_code or record.outcome
    return str(record.status) if record.status >= _SERVERS else ""


def _said(record: ExchangeRecord, trace: TraceFacts) -> Attributes:
    line = access_log.fields(record)
    said: Attributes = {name: attribute(value) for name, value in line.items() if name not in _OF_LINES}
    said |= {
        "http.request.method": record.method if record.method in _METHODS else "_OTHER",
        "http.response.status_code": record.status,
        "url.scheme": trace.scheme,
        "url.path": record.path,
        "network.protocol.version": record.http_version.rpartition("/")[2],
    }
    if trace.template:
        said["http.route"] = trace.template
    if record.host:
        said |= _address(record.host, "server")
    if record.src_addr:
        said |= _address(record.src_addr, "client")
    if record.method and record.method not in _METHODS:
        said["http.request.method_original"] = record.method
    if record.error_code or record.status >= _SERVERS:
        said["error.type"] = _wrong(record)
    if record.protocol == "llm":
        said |= _generative(record)
    return said


def _generative(record: ExchangeRecord) -> Attributes:
    """What generative AI adds, in the names of the conventions and in the older ones that people search for."""
    said: Attributes = {}
    if record.provider != UNKNOWN:
        said |= _provider(record.provider) | {"llm.provider": record.provider}
    if record.request_model:
        said["llm.request.model"] = record.request_model
    if record.response_model:
        said["llm.response.model"] = record.response_model
    if record.streaming:
        said["gen_ai.request.stream"] = True
    if record.usage is not None:
        said |= {"llm.request.tokens": record.usage.input_tokens, "llm.response.tokens": record.usage.output_tokens}
        if record.usage.reasoning_tokens:
            said["gen_ai.usage.reasoning.output_tokens"] = record.usage.reasoning_tokens
    said |= _answered(record)
    cost = record.money.cost
    parts = (name for name in type(cost).__struct_fields__ if name != "status")
    said |= {f"agw.ai.usage.cost.{name}": getattr(cost, name) / USD for name in parts if getattr(cost, name)}
    return said


def _answered(record: ExchangeRecord) -> Attributes:
    return {"gen_ai.response.finish_reasons": [record.finish_reason]} if record.finish_reason else {}


# -- what it waited for -----------------------------------------------------------------------------------------------


def _attempt(record: ExchangeRecord, span: SpanFacts, number: int, *, last: bool) -> Span:
    facts = dict(span.facts)
    model, provider = facts.get("gen_ai.request.model", ""), facts.pop("gen_ai.provider.name", "")
    llm = record.protocol == "llm"
    said: Attributes = {
        "agentgateway.outbound.kind": "Primary",
        "agentgateway.outbound.subtype": "Llm" if llm else "Http",
    }
    said |= {"sluice.target": span.name, "stream.outcome": span.result, **_asked(span), **facts}
    if number:
        said["http.request.resend_count"] = number
    if llm:
        said |= _provider(str(provider))
        if record.operation:
            said["gen_ai.operation.name"] = record.operation
        if record.streaming:
            said["gen_ai.request.stream"] = True
    if llm and last:
        said |= _answer(record, span)
    name = f"{record.operation} {model}".strip() if record.operation else f"{record.method} {span.name}"
    gone = span.result in ("client_gone", "slow_reader")
    return _span(record, span, name, said, failed=bool(span.error_code) and not gone)


def _answer(record: ExchangeRecord, span: SpanFacts) -> Attributes:
    """What the attempt that the client has the answer of came to."""
    said: Attributes = _answered(record)
    if record.response_model:
        said["gen_ai.response.model"] = record.response_model
    if record.streaming and record.stream.first_event_s is not None:
        said["gen_ai.response.time_to_first_chunk"] = round(record.stream.first_event_s - span.began_s, 6)
    return said if record.usage is None else said | _usage(record.usage)


def _usage(usage: Usage) -> Attributes:
    parts = {
        "cache_creation.input_tokens": usage.cache_write_tokens,
        "cache_read.input_tokens": usage.cache_read_tokens,
        "reasoning.output_tokens": usage.reasoning_tokens,
    }
    said: Attributes = {f"gen_ai.usage.{name}": count for name, count in parts.items() if count}
    return {"gen_ai.usage.input_tokens": usage.input_tokens, "gen_ai.usage.output_tokens": usage.output_tokens, **said}


def _step(record: ExchangeRecord, span: SpanFacts) -> Span:
    said: Attributes = {"sluice.policy.result": span.result, **dict(span.facts)}
    if span.endpoint:
        said |= {"agentgateway.outbound.kind": "Policy", "agentgateway.outbound.subtype": _SUBTYPES[span.kind]}
        said |= _asked(span)
    elif span.error_code:
        said["error.type"] = span.error_code
    name = span.kind if span.name == span.kind else f"{span.kind} {span.name}"
    return _span(record, span, name, said, failed=span.result in _GRAVE)


def _asked(span: SpanFacts) -> Attributes:
    """Who was asked, and what of it is told by every client."""
    said: Attributes = _address(span.endpoint, "server") if span.endpoint else {}
    if span.status:
        said["http.response.status_code"] = span.status
    if span.error_code:
        said["error.type"] = span.error_code
    return said


# -- what is in no record ---------------------------------------------------------------------------------------------


def beside(facts: BesideFacts) -> Span:
    """Return the span of a copy for a mirror, or of an agent's run."""
    span = facts.span
    said: Attributes = dict(span.facts)
    if span.kind == "mirror":
        said |= {"agentgateway.outbound.kind": "Mirror", "sluice.mirror.result": span.result}
    return Span(
        name=f"{'invoke_agent' if span.kind == 'agent' else span.kind} {span.name}",
        kind="client" if span.endpoint else "internal",
        span_id=span.span_id,
        parent_id=span.parent_id,
        parent_is_remote=facts.parent_is_remote,
        began_s=facts.began_at,
        ended_s=facts.began_at + span.ended_s,
        attributes=said | _asked(span),
        failed=bool(span.error_code),
        why=span.error_code,
    )


# -- all of them ------------------------------------------------------------------------------------------------------


def _span(record: ExchangeRecord, span: SpanFacts, name: str, said: Attributes, *, failed: bool) -> Span:
    return Span(
        name=name,
        kind="client" if span.endpoint else "internal",
        span_id=span.span_id,
        parent_id=span.parent_id or record.span_id,
        began_s=record.started_at + span.began_s,
        ended_s=record.started_at + span.ended_s,
        attributes=said,
        failed=failed,
        why=span.error_code,
    )


def _provider(name: str) -> dict[str, Attribute]:
    return {"gen_ai.provider.name": conventions.NAMES.get(name, name), "gen_ai.system": name}


def _address(text: str, whose: str) -> dict[str, Attribute]:
    """`host:port` as two attributes; a port that is not said is left out."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS):  # a client may say anything
        host, port = text, ""
    said: dict[str, Attribute] = {f"{whose}.address": host.strip("[]")}
    return said | {f"{whose}.port": int(port)} if port else said
