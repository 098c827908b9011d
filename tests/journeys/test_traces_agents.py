"""A run belongs to its client's trace: the model calls of its agent are parts of it, and no other run's are."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from sluice.net.model_road import ModelRoad
from sluice.net.run_spans import RunSpans
from tests.journeys.traced import PARENT, TRACE, traced
from tests.support.agent_site import AgentSites
from tests.support.events import DONE, HELLO, ROLE, STOP, USAGE, WHOLE_STREAM, WORLD
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.plans import to_provider
from tests.support.raw_upstream import streamed
from tests.support.world import World

OTHER = "11111111111111111111111111111111"


async def test_model_calls_are_part_of_the_trace_that_their_run_came_with(world: World, agent_site: AgentSites) -> None:
    upstream = await world.upstream(streamed(*WHOLE_STREAM))
    serving = await world.gateway(to_provider(upstream.port))
    agent = Agent("writer", model="m")

    @agent.on_message
    async def write(ctx: Context) -> AsyncIterator[str]:
        async for chunk in ctx.llm.stream("hi"):
            yield str(chunk)

    site = await agent_site(agent, models=ModelRoad(serving.gateway))

    async def ask(trace: str | None) -> None:
        headers = {} if trace is None else {"traceparent": f"00-{trace}-{PARENT}-01", "tracestate": "a=b"}
        async with httpx.AsyncClient(base_url=site.url, headers=headers) as client:
            body = {"input": "hi"}
            assert (await client.post("/agents/writer/runs/wait", json=body)).status_code == 200

    await asyncio.gather(ask(TRACE), ask(OTHER), ask(None))
    traces = [record.trace_id for record in serving.records]
    assert {TRACE, OTHER} < set(traces)
    assert len(set(traces)) == len(traces) == 3


async def test_a_run_is_the_child_of_its_client_and_the_parent_of_its_models_calls(
    world: World, agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    upstream = await world.upstream(streamed(ROLE, HELLO, WORLD, STOP, USAGE, DONE))
    agent = Agent("writer", version="1.2.0", model="m")

    @agent.on_message
    async def write(ctx: Context) -> AsyncIterator[str]:
        async for chunk in ctx.llm.stream("hi"):
            yield str(chunk)

    with OtlpReceiver() as collector:
        async with traced(world, to_provider(upstream.port), collector, random_sampling="false") as gateway:
            spans_of_runs = RunSpans(gateway.serving.gateway, gateway.serving.heard.report.beside)
            site = await agent_site(agent, models=ModelRoad(gateway.serving.gateway), traces=spans_of_runs)
            async with httpx.AsyncClient(base_url=site.url) as client:
                headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=b"}
                answer = await client.post("/agents/writer/runs/wait", json={"input": "hi"}, headers=headers)
                assert answer.status_code == 200
                unsampled = await client.post("/agents/writer/runs/wait", json={"input": "hi"})
                assert unsampled.status_code == 200
            gateway.serving.heard.flush()
            spans = await asyncio.to_thread(collector.wait, lambda spans: len(spans) >= 3)
            assert not spans_of_runs.under_way
    run, server, attempt = (next(s for s in spans if s.kind == kind) for kind in ("internal", "server", "client"))
    assert len(spans) == 3
    assert (run.name, run.trace_id, run.parent_id, run.state) == ("invoke_agent writer", TRACE, PARENT, "a=b")
    assert (server.parent_id, server.state, attempt.parent_id) == (run.span_id, "a=b", server.span_id)
    assert run.began_s <= server.began_s <= server.ended_s <= run.ended_s
    assert run.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert (run.attributes["gen_ai.agent.name"], run.attributes["gen_ai.agent.version"]) == ("writer", "1.2.0")
    assert run.attributes["gen_ai.conversation.id"] == server.attributes["gen_ai.conversation.id"]
    assert run.attributes["sluice.run.id"] == server.attributes["sluice.run.id"]
    assert run.attributes["gen_ai.usage.output_tokens"] == 2
    assert run.attributes["sluice.run.status"] == "success"
    assert run.status == "unset"
    assert TRACE not in [record.trace_id for record in gateway.serving.records][1:]


async def test_a_run_that_fails_is_an_error_and_a_cancelled_one_is_none(
    world: World, agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    fails, waits = Agent("fails"), Agent("waits")

    @fails.on_message
    async def fail(ctx: Context) -> AsyncIterator[str]:
        yield "a"
        raise RuntimeError("the secret of the handler")

    @waits.on_message
    async def wait(ctx: Context) -> AsyncIterator[str]:
        yield "a"
        await asyncio.Event().wait()

    with OtlpReceiver() as collector:
        async with traced(world, to_provider(1), collector) as gateway:
            spans_of_runs = RunSpans(gateway.serving.gateway, gateway.serving.heard.report.beside)
            site = await agent_site(fails, waits, traces=spans_of_runs)
            async with httpx.AsyncClient(base_url=site.url) as client:
                await client.post("/agents/fails/runs/wait", json={"input": "hi"})
                run = await client.post("/agents/waits/runs", json={"input": "hi"})
                (running,) = site.service.running.values()
                running.cancel("enough")
                assert run.status_code < 300
            spans = await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
            assert not spans_of_runs.under_way
    failed, cancelled = spans
    assert (failed.status, failed.attributes["sluice.run.status"]) == ("error", "error")
    assert failed.attributes["error.type"] == failed.why != ""
    assert "secret" not in repr(spans)
    assert (cancelled.status, cancelled.attributes["sluice.run.status"]) == ("unset", "cancelled")
    assert cancelled.parent_id == ""
