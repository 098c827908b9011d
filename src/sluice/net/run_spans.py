"""The spans of agents' runs: each the child of its client's, and the parent of the model calls that its agent makes.

Whether a run is traced is decided as for a request (`gateway.sampling`), once: of its calls those are that the
configuration takes of requests whose client has sampled them. Obeys: OpenTelemetry, semantic conventions 1.41 for
generative AI, agent spans (read 2026-11-21).
"""

from collections.abc import Callable

from sluice.gateway.gateway import Gateway
from sluice.gateway.identity import identify
from sluice.gateway.ports import Request
from sluice.gateway.tracing_beside import Beside, Fact
from sluice.relay.record import BesideFacts
from sluice.runs.records import Run
from sluice.wire.http1 import Header

_FAILED = ("error", "timeout")


class RunSpans:
    """Implements `agents.ports.RunTraces`. `tell` hears of each span when it has ended."""

    def __init__(self, gateway: Gateway, tell: Callable[[BesideFacts], None]) -> None:
        self._gateway, self._tell = gateway, tell
        self._under_way: dict[str, Beside] = {}

    @property
    def under_way(self) -> int:
        """Runs that are traced now."""
        return len(self._under_way)

    def began(self, run: Run, trail: tuple[Header, ...]) -> tuple[Header, ...]:
        gateway = self._gateway
        tracers = gateway.active.tracers
        if tracers is None:
            return trail
        request = Request(
            method="POST",
            path=f"/agents/{run.agent}/runs",
            query="",
            headers=trail,
            body=b"",
            http_version="HTTP/1.1",
            peer="127.0.0.1:0",
            port=0,
            received_at=gateway.clock(),
        )
        request, _, trace = tracers.begin(request, identify(request), None, gateway.clock)
        if trace is None:
            return trail
        beside = self._under_way[run.id] = trace.beside("agent", run.agent, gateway.wall())
        return (b"traceparent", beside.traceparent), *request.trail

    def left(self, run: Run) -> None:
        beside = self._under_way.pop(run.id, None)
        if beside is None:
            return
        error = run.error.code if run.error is not None else run.status if run.status in _FAILED else ""
        self._tell(beside.ended(run.status, error, _facts(run)))


def _facts(run: Run) -> tuple[Fact, ...]:
    version = (("gen_ai.agent.version", run.version),) if run.version else ()
    usage = (
        ("gen_ai.usage.input_tokens", run.usage.input_tokens),
        ("gen_ai.usage.output_tokens", run.usage.output_tokens),
    )
    return (
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", run.agent),
        *version,
        ("gen_ai.conversation.id", run.thread_id),
        ("sluice.run.id", run.id),
        ("sluice.run.status", run.status),
        *(usage if any(count for _, count in usage) else ()),
    )
