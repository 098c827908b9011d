"""Who asks: the identity policies of a gateway's file at the agent server's door."""

from collections.abc import AsyncIterator

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import AuthenticationError
from starlette.requests import HTTPConnection

from sluice.agent_server.identity import Everyone, Policed, principals_of
from sluice.config import Source, load
from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.gateway.access import AccessControl
from sluice.net.pool import Pool
from sluice.net.texts import TextReader
from sluice.standard import STANDARD
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.agents import echo
from tests.support.tokens import ISSUER, jwk_set, token

WALL = 1_800_000_000.0
KEYS = "{keys: [{key: sk-a, metadata: {team: a, scopes: ['orders:*']}}, {key: sk-b}]}"


def plan(policies: str) -> Plan:
    text = f"llm: {{models: [{{name: m, provider: fake}}]{policies and f', policies: {{{policies}}}'}}}"
    return load([Source("a.yaml", text)], {}, STANDARD)


@pytest.fixture
async def control() -> AsyncIterator[AccessControl]:
    """Policies' surroundings, at a fixed wall clock."""
    pool = Pool()
    made = AccessControl(upstream=pool, texts=TextReader(pool), clock=lambda: 1000.0, wall=lambda: WALL)
    yield made
    made.close()
    pool.close()


def http(site: AgentSite, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, timeout=5, headers=headers)


async def test_without_policies_everybody_is_the_same(control: AccessControl) -> None:
    assert isinstance(principals_of(plan(""), control), Everyone)


async def test_a_key_is_asked_for_and_each_key_has_its_own(agent_site: AgentSites, control: AccessControl) -> None:
    site = await agent_site(echo(), principals=principals_of(plan(f"apiKey: {KEYS}"), control))
    async with (
        http(site) as nobody,
        http(site, authorization="Bearer sk-a") as a,
        http(site, **{"x-api-key": "sk-b"}) as b,
    ):
        for path in ("/agents", "/threads/t/messages", "/runs/r", "/threads/t/stream"):
            assert (await nobody.get(path)).status_code == 401
        refused = await nobody.post("/runs/wait", json={"input": "x"})
        await a.post("/threads/t/runs/wait", json={"input": "mine", "if_not_exists": "create"})
        own, other = await a.get("/threads/t/messages"), await b.get("/threads/t/messages")
        assert (await nobody.get("/health/live")).status_code == 200
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert "sk-" not in refused.text
    assert own.json()[0]["text"] == "mine"
    assert other.status_code == 404


async def test_the_official_client_sends_its_key(agent_site: AgentSites, control: AccessControl) -> None:
    site = await agent_site(echo(), principals=principals_of(plan(f"apiKey: {KEYS}"), control))
    for key, expected in (("sk-a", None), ("sk-wrong", AuthenticationError)):
        lg = get_client(url=site.url, api_key=key)
        if expected is None:
            assert (await lg.assistants.search())[0]["name"] == "echo"
        else:
            with pytest.raises(expected):
                await lg.assistants.search()
        await lg.aclose()


async def test_a_token_names_its_subject_and_scopes(agent_site: AgentSites, control: AccessControl) -> None:
    wanted = plan(f"jwtAuth: {{issuer: {ISSUER}, audiences: [agents], jwks: '{jwk_set()}'}}")
    principals = principals_of(wanted, control)
    assert isinstance(principals, Policed)
    site = await agent_site(echo(), principals=principals)
    proof = token(sub="alice", aud="agents", scope="orders:approve orders:see", exp=WALL + 60)
    async with http(site, authorization=f"Bearer {proof}") as alice:
        answer = await alice.post("/runs/wait", json={"input": "x"})
    run = await site.service.store.get_run(answer.headers["x-run-id"])
    assert run is not None
    assert run.owner == "jwt:alice"
    asking = HTTPConnection({"type": "http", "path": "/", "headers": [(b"authorization", f"Bearer {proof}".encode())]})
    assert await principals.scopes(asking) == ("orders:approve", "orders:see")


async def test_routes_that_differ_are_refused(control: AccessControl) -> None:
    one, other = plan(f"apiKey: {KEYS}"), plan("apiKey: {keys: [{key: sk-c}]}")
    both = Plan(listeners=(*one.listeners, *other.listeners))
    with pytest.raises(ConfigError, match="different identities"):
        principals_of(both, control)
