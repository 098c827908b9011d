"""A chat widget: sessions of visitors, who are nobody and see nothing but their own."""

import pytest

from sluice.agents.agent import Agent
from sluice.agents.context import Context
from tests.agent_server.flutch_client import Client, client_of
from tests.support.agent_site import AgentSite, AgentSites

KEY = {"widgetKey": "wk-1"}


@pytest.fixture
async def site(agent_site: AgentSites) -> AgentSite:
    open_to_all = Agent("helper", metadata={"widget_key": "wk-1"})
    other = Agent("other", metadata={"widget_key": "wk-2"})

    @open_to_all.on_message
    async def count(ctx: Context) -> str:
        return f"{len(ctx.messages)}: {ctx.text}"

    return await agent_site(Agent("private"), open_to_all, other)


async def init(client: Client, **fields: str) -> dict[str, str]:
    status, body = await client.post("/public/widget/init", {**KEY, "fingerprint": "f1", **fields})
    assert status == 200, body
    said: dict[str, str] = body
    return said


async def test_a_visitor_talks_and_comes_back(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        session = await init(client)
        said = {**KEY, "sessionToken": session["sessionToken"], "text": "hi"}
        async with client.http.stream("POST", "/public/widget/message", json=said) as answer:
            assert answer.headers["x-accel-buffering"] == "no"
            await answer.aread()
        events = await client.stream(said, "/public/widget/message")
        assert [(event.event, event.data["text"]) for event in events] == [("partial", "3: hi"), ("final", "3: hi")]
        assert events[-1].data["messageId"].startswith("msg-")
        again = await init(client, threadId=session["threadId"])
        assert again["threadId"] == session["threadId"]
        assert again["sessionToken"] != session["sessionToken"]
        events = await client.stream({**said, "sessionToken": again["sessionToken"]}, "/public/widget/message")
        assert events[-1].data["text"] == "5: hi"


async def test_a_session_is_of_one_agent_and_a_thread_of_one_visitor(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        session = await init(client)
        said = {**KEY, "sessionToken": session["sessionToken"], "text": "hi"}
        await client.stream(said, "/public/widget/message")
        status, _ = await client.post("/public/widget/message", {**said, "widgetKey": "wk-2"})
        assert status == 401
        status, _ = await client.post("/public/widget/message", {**said, "sessionToken": "x"})
        assert status == 401
        status, _ = await client.post(
            "/public/widget/init", {**KEY, "fingerprint": "f2", "threadId": session["threadId"]}
        )
        assert status == 404


async def test_without_a_key_an_agent_is_open_to_nobody(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        for key, refused in (("nothing", 404), ("private", 404), ("", 400)):
            status, body = await client.post("/public/widget/init", {"widgetKey": key, "fingerprint": "f"})
            assert (status, body["statusCode"]) == (refused, refused)


async def test_visitors_are_counted_by_address(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        for _ in range(20):
            await init(client)
        answer = await client.http.post("/public/widget/init", json={**KEY, "fingerprint": "f1"})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60


async def test_what_is_too_long_is_refused(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        session = await init(client)
        said = {**KEY, "sessionToken": session["sessionToken"], "text": "x" * 10_001}
        assert (await client.post("/public/widget/message", said))[0] == 400
