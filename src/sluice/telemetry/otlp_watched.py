"""An exporter that sends no more at once than a collector takes, and says how it went. Imported by `otlp.py` when
somebody traces."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from sluice.telemetry.span_values import size

MAX_CHARS: Final = 1 << 20
"""Of the texts in one message, if it is more than one span: collectors take 4 MiB over gRPC unless they are told
otherwise, and a character has up to three bytes."""


class Watched(SpanExporter):
    """Calls `told` after each message, from the thread that sent it: whether it was taken, how many spans it had, and
    how many characters their texts."""

    def __init__(self, exporter: SpanExporter, told: Callable[[bool, int, int], None]) -> None:
        self._exporter, self._told = exporter, told

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        results = [self._send(part, chars) for part, chars in _parts(spans)]
        return SpanExportResult.SUCCESS if all(results) else SpanExportResult.FAILURE

    def _send(self, spans: Sequence[ReadableSpan], chars: int) -> bool:
        sent = False
        try:
            sent = self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception:  # what cannot be put into a message: the other messages can
            sent = False
        finally:
            self._told(sent, len(spans), chars)
        return sent

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _parts(spans: Sequence[ReadableSpan]) -> Iterator[tuple[Sequence[ReadableSpan], int]]:
    """Yield what goes into one message each, and the characters of its texts."""
    part: list[ReadableSpan] = []
    chars = 0
    for span in spans:
        more = size(span.attributes or {})
        if part and chars + more > MAX_CHARS:
            yield part, chars
            part, chars = [], 0
        part.append(span)
        chars += more
    if part:
        yield part, chars
