"""A gateway whose exchanges are traced, and a collector that gets the spans over the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from sluice.config.plan import Plan
from sluice.policies.observing import Observing, Tracing
from sluice.telemetry.traces import Traces
from tests.support.otlp_receiver import OtlpReceiver, Received
from tests.support.serving import Serving
from tests.support.world import World

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-01"


class Traced:
    """A gateway, its traces and their collector."""

    def __init__(self, serving: Serving, traces: Traces, collector: OtlpReceiver) -> None:
        self.serving, self.traces, self.collector = serving, traces, collector

    async def spans(self, number: int = 1) -> list[Received]:
        """Return the spans of the last of so many exchanges: the server's first."""
        record = await self.serving.record(number)
        self.serving.heard.flush()
        assert record.trace is not None
        ids = {record.span_id, *(span.span_id for span in record.trace.spans)}
        return await asyncio.to_thread(self.collector.these, ids)

    @property
    def url(self) -> str:
        return self.serving.url


def tracing(collector: OtlpReceiver, **members: Any) -> Tracing:
    return Tracing(
        endpoint=collector.endpoint,
        protocol="grpc" if collector.protocol == "grpc" else "http",
        **{"random_sampling": "true", **members},
    )


@asynccontextmanager
async def traced(world: World, plan: Plan, collector: OtlpReceiver, **members: Any) -> AsyncIterator[Traced]:
    """A gateway with this plan that traces every exchange, unless `members` of its Tracing say otherwise."""
    observing = Observing(tracing=tracing(collector, **members))
    plan = msgspec.structs.replace(plan, observing=observing)
    serving = await world.gateway(plan)
    heard = serving.heard
    traces = heard.report.traces = Traces(heard.log, asyncio.get_running_loop().call_soon_threadsafe)
    traces.follow(plan)
    try:
        yield Traced(serving, traces, collector)
    finally:
        await asyncio.to_thread(traces.close)
