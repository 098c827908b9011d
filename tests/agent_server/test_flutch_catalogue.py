"""Seed 004's registry, and data for pages."""

from typing import Any

import msgspec
import pytest

from sluice.agents.agent import Agent
from sluice.agents.endpoints import Call, Envelope
from tests.agent_server.flutch_client import client_of
from tests.support.agent_site import AgentSite, AgentSites


class Settings(msgspec.Struct):
    tone: str = "dry"


def accounts() -> Agent:
    agent = Agent("acme.crm", version="1.1.0", description="Customers", settings=Settings, metadata={"tags": ["crm"]})

    @agent.endpoint("accounts.list")
    async def rows(call: Call) -> Envelope:
        await call.store.store("seen", "data", call.data)
        return Envelope(data=[call.user, call.method, call.data, dict(call.context)], meta={"total": 1})

    @agent.endpoint("plain")
    def plain(call: Call) -> list[int]:
        return [1, 2]

    @agent.endpoint("mapping")
    def mapping(call: Call) -> dict[str, Any]:
        return {"schema": {"type": "array"}, "data": []}

    return agent


@pytest.fixture
async def site(agent_site: AgentSites) -> AgentSite:
    return await agent_site(Agent("streaming-chat"), Agent("acme.crm", version="1.0.0"), accounts())


async def test_the_registry_names_each_type_once(site: AgentSite) -> None:
    names = ["streaming-chat", "acme.crm"]
    async with client_of(site.url) as client:
        assert await client.get("/graph-types") == (200, names)
        assert await client.get("/registry") == (
            200,
            {
                "total": 2,
                "graphs": [{"graphType": name, "builderName": f"{name}VersionRouter"} for name in names],
            },
        )
        assert await client.get("/registry/stats") == (
            200,
            {"totalBuilders": 2, "graphTypes": names, "builderTypes": {"VersionRouter": 2}},
        )
        assert await client.get("/api/graph/catalog") == (
            200,
            [
                {"graphType": "streaming-chat", "name": "streaming-chat", "ui": {"enabled": False}},
                {"graphType": "acme.crm", "name": "acme.crm", "ui": {"enabled": True}},
            ],
        )


async def test_a_manifest_tells_versions_settings_and_endpoints(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        status, manifest = await client.get("/api/graph/acme.crm/manifest")
        assert status == 200
        assert (manifest["version"], manifest["description"], manifest["tags"]) == ("1.1.0", "Customers", ["crm"])
        assert manifest["versioning"][0]["versions"] == [
            {"version": "1.0.0", "isDefault": False},
            {"version": "1.1.0", "isDefault": True},
        ]
        assert "tone" in str(manifest["configSchema"])
        assert manifest["ui"] == {"enabled": True, "endpoints": ["accounts.list", "plain", "mapping"]}
        assert (await client.get("/api/graph/acme.crm::1.0.0/endpoints"))[1] == []
        assert (await client.get("/api/graph/crm/endpoints"))[1] == ["accounts.list", "plain", "mapping"]
        status, body = await client.get("/api/graph/nothing/manifest")
        assert (status, body["statusCode"], body["message"]) == (404, 404, "Graph type 'nothing' not found")


ENVELOPES: list[tuple[str, dict[str, Any]]] = [
    (
        "accounts.list",
        {"schema": None, "data": ["local", "POST", {"q": 1}, {"companyId": "c"}], "meta": {"total": 1}},
    ),
    ("plain", {"schema": None, "data": [1, 2], "meta": {}}),
    ("mapping", {"schema": {"type": "array"}, "data": [], "meta": {}}),
]
REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"endpoint": "nothing"}, 404),
    ({"graphType": "nothing"}, 404),
    ({"endpoint": 7}, 400),
    ({"method": "DELETE"}, 400),
]


async def test_an_endpoint_answers_in_its_envelope_to_who_is_authenticated(site: AgentSite) -> None:
    body = {
        "graphType": "acme.crm",
        "method": "POST",
        "data": {"q": 1},
        "context": {"userId": "mallory", "companyId": "c", "roles": ["admin"]},
    }
    async with client_of(site.url) as client:
        for name, envelope in ENVELOPES:
            assert await client.post("/api/graph/ui/dispatch", body | {"endpoint": name}) == (200, envelope)


async def test_a_question_to_nobody_is_refused(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        for fields, status in REFUSED:
            asked = {"graphType": "acme.crm", "endpoint": "plain", **fields}
            got, body = await client.post("/api/graph/ui/dispatch", asked)
            assert (got, body["statusCode"]) == (status, status)
