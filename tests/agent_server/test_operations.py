"""Health, metrics and the description of what is served."""

import asyncio

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sluice.agents.asked import Asked
from sluice.runs.messages import said
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.agents import echo, fails, waits
from tests.support.sse import read_frames


def http(site: AgentSite) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, timeout=5)


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/health/startup"])
async def test_a_server_that_works_says_so(agent_site: AgentSites, path: str) -> None:
    async with http(await agent_site(echo())) as ask:
        answer = await ask.get(path)
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"
    assert answer.json()["timestamp"].endswith("Z")


async def test_a_server_without_its_store_lives_and_is_not_ready(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await agent_site(echo())

    async def gone(run_id: str) -> None:
        raise OSError("postgresql://user:secret@db")

    monkeypatch.setattr(site.service.store, "get_run", gone)
    async with http(site) as ask:
        ready, live = await ask.get("/health/ready"), await ask.get("/health/live")
    assert (ready.status_code, live.status_code) == (503, 200)
    assert ready.json()["message"] == "Service unhealthy"
    assert [one["name"] for one in ready.json()["checks"] if one["status"] == "unhealthy"] == ["store"]
    assert "secret" not in ready.text


async def test_a_server_that_shuts_down_is_not_ready(agent_site: AgentSites) -> None:
    site = await agent_site(echo())
    await site.service.close()
    async with http(site) as ask:
        assert (await ask.get("/health/ready")).status_code == 503


async def test_what_happened_is_counted(agent_site: AgentSites) -> None:
    gate = asyncio.Event()
    site = await agent_site(echo(), fails(), waits(gate))
    async with http(site) as ask:
        done = await ask.post("/runs/wait", json={"input": "one two"})
        await ask.post("/runs/wait", json={"assistant_id": "fails", "input": "x"})
        await ask.get(f"/runs/{done.headers['x-run-id']}/stream", headers={"last-event-id": "2"})
        await ask.get("/nowhere")
        run = await site.service.start(Asked(owner="local", agent="waits", input=(said("x"),)))
        async with ask.stream("GET", f"/runs/{run.id}/stream") as answer:
            await anext(read_frames(answer))
            during = samples((await ask.get("/metrics")).text)
        await ask.post(f"/runs/{run.id}/cancel?wait=1")
        answer = await ask.get("/metrics")
        open_metrics = await ask.get("/metrics", headers={"accept": "application/openmetrics-text"})
    after = samples(answer.text)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert open_metrics.text.endswith("# EOF\n")
    assert during["sluice_agent_active_runs"] == 1
    assert during["sluice_agent_viewers"] == 1
    assert after["sluice_agent_active_runs"] == 0
    assert after["sluice_agent_runs_total", "echo", "success"] == 1
    assert after["sluice_agent_runs_total", "fails", "error"] == 1
    assert after["sluice_agent_runs_total", "waits", "cancelled"] == 1
    assert after["sluice_agent_cancels_total", "waits"] == 1
    assert after["sluice_agent_chunks_total", "echo"] == 2
    assert after["sluice_agent_time_to_first_chunk_seconds_count", "echo"] == 1
    assert after["sluice_agent_streams_total", "native", "true"] == 1
    assert after["sluice_agent_streams_total", "native", "false"] == 1
    assert after["sluice_agent_requests_total", "langgraph", "POST", "200"] == 2
    assert after["sluice_agent_requests_total", "none", "GET", "404"] == 1


def samples(text: str) -> dict[object, float]:
    """Return the samples by name, or by name and label values."""
    return {
        (sample.name, *sample.labels.values()) if sample.labels else sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_description_holds_each_route_once_with_its_body(agent_site: AgentSites) -> None:
    async with http(await agent_site(echo())) as ask:
        told = (await ask.get("/openapi.json")).json()
        page = await ask.get("/docs")
    assert told["openapi"] == "3.1.0"
    assert {"/threads/{thread}/runs/stream", "/runs/{run}/stream", "/metrics", "/agents"} <= set(told["paths"])
    begins = told["paths"]["/runs/stream"]["post"]
    assert begins["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/RunBody"}
    assert "assistant_id" in told["components"]["schemas"]["RunBody"]["properties"]
    assert told["paths"]["/runs/{run}"]["get"]["parameters"][0]["name"] == "run"
    ids = [one["operationId"] for operations in told["paths"].values() for one in operations.values()]
    assert len(ids) == len(set(ids))
    assert "/threads/{thread}/runs/stream" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
