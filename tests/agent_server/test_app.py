"""What the application refuses, and how: places, methods, bodies, origins."""

import httpx
import pytest

from sluice.agent_server import server as server_module
from sluice.agents.agent import Agent
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.agents import echo


def http(site: AgentSite) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, timeout=5)


@pytest.mark.parametrize("path", ["/no/such/place", "/agents/echo/no/such/place", "/agents/nobody/health"])
async def test_a_place_that_is_not_there_is_a_problem(agent_site: AgentSites, path: str) -> None:
    async with http(await agent_site(echo())) as ask:
        answer = await ask.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == f"there is no GET {path}"


async def test_a_method_that_is_not_done_is_a_problem_that_names_those_that_are(agent_site: AgentSites) -> None:
    async with http(await agent_site(echo())) as ask:
        answer = await ask.delete("/agents")
        options = await ask.options("/agents")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.json()["status"] == 405
    assert options.status_code == 204
    assert "GET" in options.headers["allow"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 422),
        (b'{"input": "\xff"}', "application/json", 422),
        (b'{"assistant_id": 1}', "application/json", 422),
        (b'{"input": ' + b"[" * 100_000, "application/json", 422),
        (b'{"assistant_id": "nobody"}', "application/json; charset=utf-8", 404),
    ],
)
async def test_a_body_that_cannot_be_read_is_said_to_be_so(
    agent_site: AgentSites, content: bytes, kind: str, status: int
) -> None:
    async with http(await agent_site(echo())) as ask:
        answer = await ask.post("/runs/wait", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["detail"]


async def test_a_wrong_member_is_named(agent_site: AgentSites) -> None:
    async with http(await agent_site(echo())) as ask:
        answer = await ask.post("/runs/wait", json={"config": {"configurable": {}}, "stream_subgraphs": "yes"})
    assert answer.json()["param"] == "stream_subgraphs"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(server_module, "MAX_BODY", 1000)

    async def pieces():  # type: ignore[no-untyped-def]
        for _ in range(20):
            yield b" " * 100

    async with http(await agent_site(echo())) as ask:
        body = pieces() if chunked else b" " * 2000
        answer = await ask.post("/runs/wait", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_an_unexpected_fault_is_told_without_its_words_and_kept(
    agent_site: AgentSites, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await agent_site(echo())

    async def broken(run_id: str) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(site.service.store, "get_run", broken)
    async with http(site) as ask:
        answer = await ask.get("/runs/x")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert [str(fault) for fault in site.faults] == ["secret"]


async def test_pages_of_other_origins_ask_only_where_they_may(agent_site: AgentSites) -> None:
    closed = await agent_site(echo())
    opened = await agent_site(Agent("echo"), cors=("https://app.example",))
    asks = {"origin": "https://app.example"}
    preflight = {**asks, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    async with http(closed) as ask:
        assert "access-control-allow-origin" not in (await ask.get("/ok", headers=asks)).headers
    async with http(opened) as ask:
        answer = await ask.get("/ok", headers=asks)
        allowed = await ask.options("/runs/stream", headers=preflight)
        stranger = await ask.get("/ok", headers={"origin": "https://evil.example"})
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "X-Run-Id" in answer.headers["access-control-expose-headers"]
    assert allowed.status_code == 200
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in stranger.headers
