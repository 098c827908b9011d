"""What the agent server counts, `sluice_agent_*`: a table of metrics, their numbers, and how they are written down.

Plain calls. Labels come from closed lists or from the served agents, never from clients.
"""

from collections.abc import Iterator

from sluice.agents.pressing import CallbackFact
from sluice.agents.service import Service
from sluice.runs.records import Run
from sluice.telemetry.exposition import Series, write
from sluice.telemetry.metric import Metric
from sluice.telemetry.names import LLM_DURATION_BUCKETS_S
from sluice.telemetry.series import Family, observe
from sluice.telemetry.stream_names import TTFT_BUCKETS_S

PREFIX = "sluice_agent_"
MAX_SERIES = 1000
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"

REQUESTS = Metric(
    name="requests_total",
    kind="counter",
    help="HTTP requests answered, by protocol and status; protocol none = no route took it.",
    labels=("protocol", "method", "status"),
)
RUNS = Metric(
    name="runs_total",
    kind="counter",
    help="Runs of this process that have ended, by how.",
    labels=("agent", "outcome"),
)
TTFT = Metric(
    name="time_to_first_chunk_seconds",
    kind="histogram",
    help="Seconds from the beginning of a run to its first text or reasoning. Runs that had one.",
    labels=("agent",),
    unit="seconds",
    buckets=TTFT_BUCKETS_S,
)
DURATION = Metric(
    name="run_duration_seconds",
    kind="histogram",
    help="Seconds that a run took.",
    labels=("agent", "outcome"),
    unit="seconds",
    buckets=LLM_DURATION_BUCKETS_S,
)
CHUNKS = Metric(name="chunks_total", kind="counter", help="Pieces of text that agents said.", labels=("agent",))
TOKENS = Metric(
    name="tokens_total", kind="counter", help="Tokens of the runs' model calls.", labels=("agent", "direction")
)
STREAMS = Metric(
    name="streams_total",
    kind="counter",
    help="Streams that viewers opened, by protocol; resumed = from behind an event they had.",
    labels=("protocol", "resumed"),
)
CANCELS = Metric(name="cancels_total", kind="counter", help="Runs that were cancelled, by agent.", labels=("agent",))
CALLBACKS = Metric(
    name="callbacks_total",
    kind="counter",
    help="What became of buttons, step by step; agent and handler are empty where the token was none.",
    labels=("agent", "handler", "action"),
)
CALLBACK_DURATION = Metric(
    name="callback_duration_seconds",
    kind="histogram",
    help="Seconds that a button's handler took, with all its attempts.",
    labels=("agent", "handler", "action"),
    unit="seconds",
    buckets=LLM_DURATION_BUCKETS_S,
)
ACTIVE = Metric(name="active_runs", kind="gauge", help="Runs under way in this process.")
VIEWERS = Metric(name="viewers", kind="gauge", help="Readers of runs that are under way in this process.")

_COUNTED = (REQUESTS, RUNS, TTFT, DURATION, CHUNKS, TOKENS, STREAMS, CANCELS, CALLBACKS, CALLBACK_DURATION)


class Counters:
    """The numbers of one server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        service.run_ended = self.run_ended
        service.callbacks.told = self.pressed
        self._families = {metric.name: Family(metric, MAX_SERIES) for metric in _COUNTED}

    def _add(self, metric: Metric, *labels: str, by: float = 1) -> None:
        self._families[metric.name].cell(labels)[0] += by

    def _observe(self, metric: Metric, value: float, *labels: str) -> None:
        observe(self._families[metric.name].cell(labels), metric.buckets, value)

    def answered(self, protocol: str, method: str, status: int) -> None:
        """Count a request whose head was answered."""
        self._add(REQUESTS, protocol, method, str(status))

    def stream_began(self, protocol: str, *, resumed: bool) -> None:
        """Count a viewer's stream."""
        self._add(STREAMS, protocol, "true" if resumed else "false")

    def run_ended(self, run: Run) -> None:
        """Count a run by its record: once for each run of this process."""
        agent, status, stats = run.agent, run.status, run.stats
        self._add(RUNS, agent, status)
        self._observe(DURATION, stats.duration_ms / 1000, agent, status)
        if stats.first_chunk_ms is not None:
            self._observe(TTFT, stats.first_chunk_ms / 1000, agent)
        self._add(CHUNKS, agent, by=stats.chunks)
        self._add(TOKENS, agent, "input", by=run.usage.input_tokens)
        self._add(TOKENS, agent, "output", by=run.usage.output_tokens)
        if status == "cancelled":
            self._add(CANCELS, agent)

    def pressed(self, fact: CallbackFact) -> None:
        """Count a step of a press."""
        labels = (fact.graph_type, fact.handler, fact.action)
        self._add(CALLBACKS, *labels)
        if fact.duration_ms is not None:
            self._observe(CALLBACK_DURATION, fact.duration_ms / 1000, *labels)

    def render(self, accept: str) -> tuple[str, bytes]:
        """Return the content type and the text, as a scraper accepts it."""
        open_metrics = "application/openmetrics-text" in accept
        text = write(self._collect(), PREFIX, openmetrics=open_metrics)
        if open_metrics:
            return OPENMETRICS, f"{text}# EOF\n".encode()
        return PLAIN, text.encode()

    def _collect(self) -> Iterator[tuple[Metric, Series]]:
        running = self._service.running.values()
        yield ACTIVE, {(): [len(running)]}
        yield VIEWERS, {(): [sum(one.viewers for one in running)]}
        for family in self._families.values():
            yield family.metric, family.cells
