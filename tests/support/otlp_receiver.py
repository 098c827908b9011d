"""A real receiver of OTLP: gRPC by grpcio, HTTP by http.server, both with OpenTelemetry's own messages.

It runs in threads of its own, as a collector runs in a process of its own. `wait` returns when the spans are there.
"""

import gzip
import http.server
import threading
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import Any

import grpc
import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1 import trace_pb2

WITHIN_S = 10.0
KINDS = {
    trace_pb2.Span.SPAN_KIND_SERVER: "server",
    trace_pb2.Span.SPAN_KIND_CLIENT: "client",
    trace_pb2.Span.SPAN_KIND_INTERNAL: "internal",
}
STATUSES = {trace_pb2.Status.STATUS_CODE_UNSET: "unset", trace_pb2.Status.STATUS_CODE_ERROR: "error"}


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One span as it came over the wire. Times are seconds since 1970."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    state: str
    began_s: float
    ended_s: float
    status: str
    why: str
    attributes: Mapping[str, Any]
    events: tuple[tuple[str, float, Mapping[str, Any]], ...]
    resource: Mapping[str, Any]


class OtlpReceiver:
    """Start it as a context; `endpoint` is where it listens. `refuses` makes it answer that it is not available."""

    def __init__(self, protocol: str = "grpc") -> None:
        self.protocol = protocol
        self.refuses = False
        self.paths: list[str] = []
        """Of HTTP requests."""
        self.headers: list[Mapping[str, str]] = []
        """Of the requests, names in lower case."""
        self._spans: list[Received] = []
        self._changed = threading.Condition()

    def __enter__(self) -> "OtlpReceiver":
        if self.protocol == "grpc":
            self._server = grpc.server(futures.ThreadPoolExecutor(2))
            add_TraceServiceServicer_to_server(_Service(self), self._server)
            self._port = self._server.add_insecure_port("127.0.0.1:0")
            self._server.start()
        else:
            handler = type("Handler", (_Handler,), {"receiver": self})
            self._web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
            self._port = self._web.server_address[1]
            threading.Thread(target=self._web.serve_forever, args=(0.01,), name="otlp over http", daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self.protocol == "grpc":
            self._server.stop(0).wait()
        else:
            self._web.shutdown()
            self._web.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def spans(self) -> list[Received]:
        with self._changed:
            return list(self._spans)

    def wait(self, fits: Callable[[list[Received]], bool]) -> list[Received]:
        """Return all spans once they fit."""
        deadline = time.monotonic() + WITHIN_S
        with self._changed:
            while not fits(self._spans):
                left = deadline - time.monotonic()
                assert left > 0, [(span.kind, span.name) for span in self._spans]
                self._changed.wait(left)
            return list(self._spans)

    def these(self, ids: set[str]) -> list[Received]:
        """Return the spans of these ids once all are here: the server's first, the others in the order in which they
        began."""
        found = self.wait(lambda spans: ids <= {span.span_id for span in spans})
        own = [span for span in found if span.span_id in ids]
        return sorted(own, key=lambda span: (span.kind != "server", span.began_s))

    def take(self, request: ExportTraceServiceRequest, headers: Mapping[str, str]) -> None:
        with self._changed:
            self.headers.append(headers)
            self._spans += [
                _received(span, group.resource.attributes)
                for group in request.resource_spans
                for scope in group.scope_spans
                for span in scope.spans
            ]
            self._changed.notify_all()


class _Service(TraceServiceServicer):
    def __init__(self, receiver: OtlpReceiver) -> None:
        self._receiver = receiver

    def Export(self, request: ExportTraceServiceRequest, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        if self._receiver.refuses:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not now")
        self._receiver.take(request, {key: str(value) for key, value in context.invocation_metadata()})
        return ExportTraceServiceResponse()


class _Handler(http.server.BaseHTTPRequestHandler):
    receiver: OtlpReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        self.receiver.paths.append(self.path)
        status = 403 if self.receiver.refuses else 200
        if status == 200:
            request = ExportTraceServiceRequest.FromString(body)
            self.receiver.take(request, {name.lower(): value for name, value in self.headers.items()})
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name of it
        """Say nothing."""


def _received(span: trace_pb2.Span, resource: Any) -> Received:
    return Received(
        name=span.name,
        kind=KINDS[span.kind],
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        state=span.trace_state,
        began_s=span.start_time_unix_nano / 1e9,
        ended_s=span.end_time_unix_nano / 1e9,
        status=STATUSES[span.status.code],
        why=span.status.message,
        attributes=_values(span.attributes),
        events=tuple((e.name, e.time_unix_nano / 1e9, _values(e.attributes)) for e in span.events),
        resource=_values(resource),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {item.key: _value(item.value) for item in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)
