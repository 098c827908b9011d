"""One collector: spans by OTLP over gRPC or HTTP, in batches, from a thread of their own. OpenTelemetry is imported
with the first one: who does not trace needs none of it.

Guarantee: whatever the collector does, `send` returns at once; of what waits for it there is a bound, in spans and in
their texts, and beyond that whole exchanges are given up and counted. Retries, time-outs, compression and certificates
are the SDK's, as its variables say (`OTEL_EXPORTER_OTLP_*`, `OTEL_BSP_*`).
Source: opentelemetry-sdk, trace export; OTLP 1.9, retry (read 2026-11-21).
"""

import importlib.util
import logging
import os
import platform
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from sluice import __version__
from sluice.errors import ConfigError
from sluice.policies.observing import Tracing
from sluice.policies.scene import Scene
from sluice.policies.value import Value
from sluice.telemetry.span_values import Attributes, attribute, size
from sluice.telemetry.spans import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

Became = Literal["sent", "failed", "dropped"]
"""Of a span: the collector took it, or did not, or it was never asked."""
SERVICE: Final = "sluice"
"""`service.name` where nobody says another: in `resources`, or in OTEL_SERVICE_NAME."""
GRPC_PORT: Final = 4317
HINT: Final = "pip install 'sluice-ai[tracing]'"
MAX_WAITING: Final = 2048
"""Spans that wait to be sent; OTEL_BSP_MAX_QUEUE_SIZE says another number."""
MAX_BATCH: Final = 512
"""Spans sent at once; OTEL_BSP_MAX_EXPORT_BATCH_SIZE says another number."""
MAX_CHARS: Final = 32 << 20
"""Of the texts in all spans that wait: those of an operator who asked for prompts may be long."""
_FILES: Final = tuple(
    f"OTEL_EXPORTER_OTLP_{which}{name}"
    for which in ("", "TRACES_")
    for name in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
)
_NEEDED: Final = ("opentelemetry.sdk", "opentelemetry.exporter")
_PACKS: Final = ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION")
_QUIET: Final = "opentelemetry"
"""The SDK's loggers: they would say the same for each batch."""


class Collector:
    """The way to one. Call `close` once, from a thread that may wait.

    `heard` is called from another thread: what became of spans, and of how many.
    """

    def __init__(self, tracing: Tracing, heard: Callable[[Became, int], None]) -> None:
        """Takes some 0.3 s the first time.

        Raises:
            ConfigError: what it needs is not installed, or not there; or the SDK does not take what its variables say.
        """
        for name in _NEEDED:
            if not _is_installed(name):
                raise ConfigError("tracing needs packages that are not installed", path="tracing", hint=HINT)
        _hush()

        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        from sluice.telemetry.otlp_spans import readable
        from sluice.telemetry.otlp_watched import Watched

        self._resource = _resource(tracing)
        self._scope = InstrumentationScope("sluice", __version__)
        self._heard = heard
        self._room = _number("OTEL_BSP_MAX_QUEUE_SIZE", MAX_WAITING)
        self._sent = self._sent_chars = 0
        """Spans handed to the processor, and their texts; only the event loop counts it up."""
        self._done = self._done_chars = 0
        """Those of them that left its queue; only its thread counts it up."""
        self._closed = False
        self._hearing = threading.Lock()
        self._readable = readable
        batch = min(self._room, _number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", MAX_BATCH))
        try:
            self._exporter = _exporter(tracing)
            self._processor = BatchSpanProcessor(
                Watched(self._exporter, self._told), max_queue_size=self._room, max_export_batch_size=batch
            )
        except (ValueError, OSError) as error:
            raise ConfigError(f"the exporter of OpenTelemetry cannot be used: {error}", path="tracing") from None

    def send(self, trace_id: str, state: str, spans: Sequence[Span]) -> bool:
        """Take the spans of one exchange; return whether there was room for them. All or none."""
        chars = sum(size(span.attributes) for span in spans)
        waiting = self._sent - self._done
        full = waiting + len(spans) > self._room or self._sent_chars - self._done_chars + chars > MAX_CHARS
        if self._closed or (full and (waiting or len(spans) > self._room)):
            return False
        self._sent += len(spans)
        self._sent_chars += chars
        for span in self._readable(trace_id, state, spans, self._resource, self._scope):
            self._processor.on_end(span)
        return True

    @property
    def waiting(self) -> int:
        """Spans that were taken and neither sent nor given up."""
        return self._sent - self._done

    def close(self, within_s: float) -> None:
        """Send what waits, and give up what is not sent in time."""
        self._closed = True
        ending = threading.Thread(target=self._processor.shutdown, name="farewell of traces", daemon=True)
        ending.start()
        ending.join(within_s)
        if ending.is_alive():
            self._give_up()
            self._exporter.shutdown()  # or its retries would go on

    def _give_up(self) -> None:
        """Count what waits as given up: what becomes of it from now on nobody hears."""
        with self._hearing:
            left, heard = self.waiting, self._heard
            self._heard = lambda became, count: None
        if left:
            heard("dropped", left)

    def _told(self, sent: bool, count: int, chars: int) -> None:
        with self._hearing:  # for each message, not for each span
            self._done_chars += chars
            self._done += count
            self._heard("sent" if sent else "failed", count)


def _hush() -> None:
    logger = logging.getLogger(_QUIET)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # not even its parent
        return False


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) else default


def _exporter(tracing: Tracing) -> "SpanExporter":
    """Headers that the configuration does not say are those of OTEL_EXPORTER_OTLP_HEADERS.

    Raises:
        ConfigError: a file that the environment names cannot be read.
        ValueError, OSError: something else that it says is not to be used.
    """
    if tracing.endpoint.startswith("https://"):
        for name in _FILES:
            if (file := os.environ.get(name)) and not os.access(file, os.R_OK):
                raise ConfigError("there is no such file, or it cannot be read", path=name)
    headers = {name.lower(): value for name, value in tracing.headers} or None
    if tracing.protocol == "http":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

        base = tracing.endpoint.removesuffix(tracing.path)  # who copies the whole URL means it
        return HttpExporter(endpoint=f"{base}{tracing.path}", headers=headers)
    from grpc import Compression  # type: ignore[import-untyped]  # ships no types
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

    packs = next((said for name in _PACKS if (said := os.environ.get(name, "").strip().lower())), "")
    return GrpcExporter(
        endpoint=_with_port(tracing.endpoint),
        headers=headers,
        insecure=tracing.endpoint.startswith("http://"),
        compression=Compression.Gzip if packs == "gzip" else Compression.NoCompression,
    )


def _with_port(endpoint: str) -> str:
    """gRPC would go to 443 where no port is said, also without TLS."""
    parts = urlsplit(endpoint)
    return endpoint if parts.port or parts.scheme == "https" else f"http://{parts.netloc}:{GRPC_PORT}"


def _resource(tracing: Tracing) -> "Resource":
    """Return what is said of the process: the weakest by us, then by the environment, then by the configuration. Its
    command line is not in it: that may name a store with its password."""
    from opentelemetry.sdk.resources import Resource

    own: Attributes = {
        "service.name": SERVICE,
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid4()),
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
    }
    said = dict(Resource.create().attributes)
    if str(said.get("service.name", "")).startswith("unknown_service"):
        del said["service.name"]
    return Resource({**own, **said, **_computed(tracing)})


def _computed(tracing: Tracing) -> Attributes:
    found: Attributes = {}
    for name, text in tracing.resources:
        try:
            found[name] = attribute(Value(text, sees=()).value(Scene()))
        except LookupError:  # an expression that fails says nothing
            continue
    return found
