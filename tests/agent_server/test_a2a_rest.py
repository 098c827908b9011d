"""A2A over REST, as it is on the wire; what the clients do over it: test_a2a_sdk.py, test_a2a_older.py."""

import httpx
import pytest

from tests.support.a2a_agents import STORY, storyteller
from tests.support.agent_site import AgentSites

V1 = {"a2a-version": "1.0"}
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}


async def test_the_paths_of_1_0_want_its_version_and_answer_in_its_media_type(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with httpx.AsyncClient(timeout=5, base_url=site.url) as http:
        told = await http.post("/message:send", json={"message": MESSAGE}, headers=V1)
        assert told.headers["content-type"] == "application/a2a+json"
        task = told.json()["task"]
        assert task["artifacts"][0]["parts"] == [{"text": "".join(STORY)}]
        got = await http.get(f"/tasks/{task['id']}?A2A-Version=1.0&historyLength=0")
        assert got.json()["id"] == task["id"]
        assert "history" not in got.json()
        refused = await http.post("/message:send", json={"message": MESSAGE})
        assert refused.status_code == 400
        assert refused.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
        older = await http.get(f"/v1/tasks/{task['id']}")
        assert older.json()["status"]["state"] == "TASK_STATE_COMPLETED"
        below = await http.get(f"/agents/storyteller/tasks/{task['id']}", headers=V1)
        assert below.json()["id"] == task["id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/tasks/nobodys", 404, "TASK_NOT_FOUND"),
        ("POST", "/tasks/nobodys:cancel", 404, "TASK_NOT_FOUND"),
        ("GET", "/tasks/nobodys:subscribe", 404, "TASK_NOT_FOUND"),
        ("GET", "/tasks?pageSize=101", 400, "INVALID_PARAMS"),
        ("GET", "/tasks?pageToken=x", 400, "INVALID_PARAMS"),
        ("GET", "/tasks?statusTimestampAfter=yesterday", 400, "INVALID_PARAMS"),
        ("GET", "/extendedAgentCard", 400, "EXTENDED_AGENT_CARD_NOT_CONFIGURED"),
        ("POST", "/tasks/x/pushNotificationConfigs", 400, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
        ("DELETE", "/tasks/x/pushNotificationConfigs/y", 400, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
        ("POST", "/message:send", 415, "CONTENT_TYPE_NOT_SUPPORTED"),
        ("GET", "/agents/nobody/tasks", 404, "INVALID_PARAMS"),
    ],
)
async def test_what_is_wrong_has_its_status_and_its_reason(
    agent_site: AgentSites, method: str, path: str, status: int, reason: str
) -> None:
    site = await agent_site(storyteller())
    async with httpx.AsyncClient(timeout=5, base_url=site.url) as http:
        told = await http.request(method, path, headers=V1)
    assert told.status_code == status
    error = told.json()["error"]
    assert (error["code"], error["details"][0]["reason"]) == (status, reason)
    assert error["message"]


async def test_tasks_can_be_asked_for_since_a_time(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    async with httpx.AsyncClient(timeout=5, base_url=site.url, headers=V1) as http:
        await http.post("/message:send", json={"message": MESSAGE})
        for since, count in (("2020-01-01T00:00:00Z", 1), ("2999-01-01T00:00:00Z", 0)):
            told = await http.get("/tasks", params={"statusTimestampAfter": since})
            assert (len(told.json()["tasks"]), told.json()["totalSize"]) == (count, count)
