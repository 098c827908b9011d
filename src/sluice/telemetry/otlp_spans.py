"""Spans as OpenTelemetry's SDK has them. Imported by `otlp.py` when somebody traces."""

from collections.abc import Iterator, Sequence
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from sluice.telemetry.spans import Span

_KINDS: Final = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_UNSET: Final = Status(StatusCode.UNSET)


def readable(
    trace_id: str, state: str, spans: Sequence[Span], resource: Resource, scope: InstrumentationScope
) -> Iterator[ReadableSpan]:
    """Yield the spans of one exchange. `state`: the client's `tracestate`."""
    trace, carried = int(trace_id, 16), TraceState.from_header([state]) if state else None

    def context(span_id: str, *, remote: bool = False) -> SpanContext:
        return SpanContext(trace, int(span_id, 16), is_remote=remote, trace_flags=_SAMPLED, trace_state=carried)

    for span in spans:
        yield ReadableSpan(
            name=span.name,
            context=context(span.span_id),
            parent=context(span.parent_id, remote=span.parent_is_remote) if span.parent_id else None,
            resource=resource,
            attributes=span.attributes,
            events=[Event(each.name, each.attributes, _ns(each.at_s)) for each in span.events],
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR, span.why or None) if span.failed else _UNSET,
            start_time=_ns(span.began_s),
            end_time=_ns(span.ended_s),
            instrumentation_scope=scope,
        )


def _ns(wall_s: float) -> int:
    return round(wall_s * 1_000_000) * 1000
