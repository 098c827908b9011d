"""The native client of seed 003: /v1/messages and /v1/messages/stream."""

import asyncio

import httpx
import pytest

from tests.support.a2a_agents import STORY, asker, breaker, storyteller, waiter
from tests.support.agent_site import AgentSites
from tests.support.waiting import until

MESSAGE = {"messageId": "msg-1", "role": "user", "parts": [{"kind": "text", "text": "Tell me a story about AI"}]}


@pytest.mark.parametrize("headers", [{}, {"X-Protocol-Mode": "a2a"}, {"X-Protocol-Mode": "AUTO"}])
async def test_a_bare_message_is_answered_by_a_bare_message(agent_site: AgentSites, headers: dict[str, str]) -> None:
    site = await agent_site(storyteller())
    async with httpx.AsyncClient(timeout=5, base_url=site.url) as http:
        told = await http.post("/v1/messages", json=MESSAGE, headers=headers)
        assert (told.status_code, told.json()["role"]) == (200, "agent")
        assert told.json()["parts"] == [{"kind": "text", "text": "".join(STORY)}]
        stream = await http.post("/v1/messages/stream", json=MESSAGE, headers=headers)
    names = [line[7:] for line in stream.text.split("\n") if line.startswith("event: ")]
    assert set(names[:-1]) == {"message"}
    assert names[-1] == "done"


async def test_a_run_that_is_stopped_has_no_answer(agent_site: AgentSites) -> None:
    agent, _ = waiter(silent=True)
    site = await agent_site(agent)
    async with httpx.AsyncClient(timeout=5, base_url=site.url) as http:
        sending = asyncio.create_task(http.post("/v1/messages", json=MESSAGE), name="sending")
        await until(lambda: bool(site.service.running))
        (run,) = site.service.running
        await site.service.cancel("local", run)
        told = await sending
    assert (told.status_code, told.json()["error"]) == (409, "canceled")


async def test_a_question_is_told_and_answered_on_its_task(agent_site: AgentSites) -> None:
    site = await agent_site(asker())
    async with httpx.AsyncClient(timeout=5, base_url=site.url) as http:
        told = (await http.post("/v1/messages/stream", json=MESSAGE)).headers["x-run-id"]
        answer = await http.post("/v1/messages", json=MESSAGE | {"taskId": told, "parts": [{"text": "Ada"}]})
    assert answer.json()["parts"][-1]["text"] == "Hello Ada."


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, {}, 404),
        ({"messageId": "m", "parts": []}, {}, 400),
        (MESSAGE, {"X-Protocol-Mode": "morse"}, 400),
        (MESSAGE | {"taskId": "nobody's"}, {}, 404),
    ],
)
async def test_what_is_not_for_an_agent_is_refused_in_the_shape_of_that_client(
    agent_site: AgentSites, body: dict[str, object], headers: dict[str, str], status: int
) -> None:
    site = await agent_site(storyteller())
    async with httpx.AsyncClient(timeout=5, base_url=site.url) as http:
        for path in ("/v1/messages", "/v1/messages/stream"):
            told = await http.post(path, json=body, headers=headers)
            assert told.status_code == status
            assert told.json().keys() == {"error", "message"}


async def test_an_agent_that_fails_at_once_is_an_error(agent_site: AgentSites) -> None:
    site = await agent_site(breaker())
    async with httpx.AsyncClient(timeout=5, base_url=site.url) as http:
        told = await http.post("/v1/messages", json=MESSAGE)
        stream = await http.post("/v1/messages/stream", json=MESSAGE)
    assert told.status_code == 500
    assert told.json()["error"] == "error"
    assert "event: error\n" in stream.text
    assert "done" not in stream.text
