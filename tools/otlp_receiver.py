"""A small receiver of traces over OTLP/HTTP, for people who have no collector: it keeps the last ones and draws them.

In a thread of its own, on the loopback interface. Takes protobuf, gzip or not, at any path.
Obeys: opentelemetry.io, "OTLP Specification" 1.7, OTLP/HTTP (read 2026-11-21).
"""

import gzip
import http.server
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Self

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

KEPT = 200
"""Traces; of those beyond, the oldest is forgotten."""
MAX_BYTES = 16 << 20
_SHOWN = ("gen_ai.response.model", "http.status", "stream.outcome", "error.type")
_SHOWN_BELOW = ("server.address", "http.status", "error.type")
"""Of spans below another one, which says the rest."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One span. Times are nanoseconds since 1970."""

    name: str
    span_id: bytes
    parent_id: bytes
    began_ns: int
    ended_ns: int
    failed: bool
    attributes: dict[str, str]
    events: tuple[tuple[str, int], ...]


class OtlpReceiver:
    """`with OtlpReceiver() as receiver`: give `receiver.url` to whoever sends."""

    def __init__(self) -> None:
        self._traces: OrderedDict[bytes, list[Seen]] = OrderedDict()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="otlp receiver", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def traces(self) -> list[list[Seen]]:
        """All that are kept, oldest first."""
        with self._lock:
            return [list(spans) for spans in self._traces.values()]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, request: ExportTraceServiceRequest) -> None:
        with self._lock:
            for span in (s for group in request.resource_spans for scope in group.scope_spans for s in scope.spans):
                self._traces.setdefault(span.trace_id, []).append(_seen(span))
                self._traces.move_to_end(span.trace_id)
            while len(self._traces) > KEPT:
                self._traces.popitem(last=False)


class _Handler(http.server.BaseHTTPRequestHandler):
    receiver: OtlpReceiver
    timeout = 10

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        if length > MAX_BYTES:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.receiver.take(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: the terminal is the reader's."""


def _seen(span: Span) -> Seen:
    attributes = {item.key: _text(item.value) for item in span.attributes}
    return Seen(
        name=span.name,
        span_id=span.span_id,
        parent_id=span.parent_span_id,
        began_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=attributes,
        events=tuple((event.name, event.time_unix_nano) for event in span.events),
    )


def _text(value: object) -> str:
    kind = getattr(value, "WhichOneof")("value")  # noqa: B009 - the stubs of protobuf know no such method
    return "" if kind is None else str(getattr(value, kind))


# -- drawing ----------------------------------------------------------------------------------------------------------


def draw(spans: Iterable[Seen]) -> Iterator[str]:
    """Yield the lines of a trace: spans below their parents, with when they began, how long they took, and events."""
    found = sorted(spans, key=lambda span: span.began_ns)
    ours = {span.span_id for span in found}
    for root in (span for span in found if span.parent_id not in ours):
        yield from _draw(root, found, root.began_ns, 0)


def _draw(span: Seen, spans: list[Seen], zero_ns: int, depth: int) -> Iterator[str]:
    indent = "  " * depth
    facts = "  ".join(
        f"{name}={span.attributes[name]}" for name in (_SHOWN_BELOW if depth else _SHOWN) if name in span.attributes
    )
    mark = "!" if span.failed else " "
    times = f"{_ms(span.began_ns - zero_ns):>8} +{_ms(span.ended_ns - span.began_ns):>8}"
    yield f"{mark}{times}  {indent}{span.name}  {facts}".rstrip()
    for name, at_ns in span.events:
        yield f" {_ms(at_ns - zero_ns):>8}{'':11}{indent}  * {name}"
    for child in spans:
        if child.parent_id == span.span_id:
            yield from _draw(child, spans, zero_ns, depth + 1)


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f}ms"
