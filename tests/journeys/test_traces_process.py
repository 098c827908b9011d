"""Traces of the real command: each worker sends its own, the last spans leave before the end, and a collector that is
not there holds up nobody."""

import asyncio
import signal
import time
from pathlib import Path

from tests.support.command import Sluice
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.raw_client import request
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

LATE = {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
"""Spans are sent when the process ends, and not before."""
FLUSHED_S = 2.0
"""How long the last spans may take to leave."""


def environment(port: int, endpoint: str, **more: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "sk-canary",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_TRACES_SAMPLER": "always_on",
        **more,
    }


async def test_each_workers_last_spans_leave_before_the_end(world: World) -> None:
    fake = await world.fake()
    with OtlpReceiver() as collector:
        async with Sluice("--workers", "2", env=environment(fake.port, collector.endpoint, **LATE)) as sluice:
            for _ in range(4):
                async with await sluice.client() as client:
                    assert (await client.ask(request())).status == 200
            await until(lambda: len(sluice.requests()) == 4)
            assert collector.spans == []
            sluice.signal(signal.SIGTERM)
            assert await sluice.exit_status() == 0
        names = sorted(span.name for span in collector.spans)
    assert names == ["POST /openai"] * 4 + ["chat m"] * 4
    of_lines = {(line["trace.id"], line["span.id"]) for line in sluice.requests()}
    assert of_lines == {(span.trace_id, span.span_id) for span in collector.spans if span.kind == "server"}
    assert "Traceback" not in sluice.stderr


async def test_a_collector_that_is_not_there_is_said_once_and_holds_up_nothing(world: World) -> None:
    fake = await world.fake()
    (gone,) = free_ports(1)
    env = environment(fake.port, f"http://127.0.0.1:{gone}", OTEL_BSP_SCHEDULE_DELAY="10")
    env["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
    async with Sluice(env=env) as sluice:
        async with await sluice.client() as client:
            for _ in range(20):
                assert (await client.ask(request())).status == 200
        said = "a collector does not take spans: they are given up until it does"
        await until(lambda: said in sluice.messages())
        scrape = (await sluice.ask("stats", "/metrics")).body.decode()
        failed = next(line for line in scrape.split("\n") if 'traces_exported_total{result="failed"}' in line)
        assert int(failed.split()[1]) >= 2
        began = time.monotonic()
        sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status() == 0
        assert time.monotonic() - began < FLUSHED_S + 1.0
    assert sluice.messages().count(said) == 1
    assert "opentelemetry" not in sluice.stderr


async def test_a_reload_turns_tracing_on(world: World, tmp_path: Path) -> None:
    fake = await world.fake()
    file = tmp_path / "gateway.yaml"
    params = f"params: {{baseUrl: 'http://127.0.0.1:{fake.port}/v1', apiKey: k}}"
    models = f"llm:\n  models: [{{name: '*', provider: openai, {params}}}]\n"
    with OtlpReceiver("http") as collector:
        file.write_text(models)
        async with Sluice("-f", str(file), env={"OTEL_BSP_SCHEDULE_DELAY": "10"}) as sluice:
            asked = request(path="/v1/chat/completions")
            async with await sluice.client() as client:
                assert (await client.ask(asked)).status == 200
            said = f"{{otlpEndpoint: '{collector.endpoint}', otlpProtocol: http, randomSampling: true}}"
            file.write_text(f"config: {{tracing: {said}}}\n{models}")
            await until(lambda: "configuration reloaded" in sluice.messages())
            async with await sluice.client() as client:
                assert (await client.ask(asked)).status == 200
            spans = await asyncio.to_thread(collector.wait, lambda spans: len(spans) == 2)
    assert sorted(span.name for span in spans) == ["POST /v1", "chat m"]
