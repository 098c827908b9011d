"""a2a-sdk 0.2.16 and 0.3.26, each in its own environment: the whole of what their users do."""

from typing import Any

import pytest

from tests.support.a2a_agents import STORY, asker, storyteller, waiter
from tests.support.a2a_older import INSTALL_S, played
from tests.support.agent_site import AgentSite, AgentSites

CLIENTS = [("0.2",), ("0.3", "JSONRPC"), ("0.3", "HTTP+JSON")]


async def seen_by(agent_site: AgentSites, version: str, *way: str) -> dict[str, Any]:
    agent, _ = waiter()
    site: AgentSite = await agent_site(storyteller(), asker(), agent)
    return await played(version, site.url, *way)


def text_in(parts: list[Any]) -> str:
    return "".join(part.get("text", "") for part in parts)


def pieces(events: list[Any], name: str = "answer") -> list[Any]:
    return [
        part
        for event in events
        if event["kind"] == "artifact-update" and event["artifact"]["name"] == name
        for part in event["artifact"]["parts"]
    ]


@pytest.mark.timeout(INSTALL_S + 60)
@pytest.mark.parametrize("client", CLIENTS, ids=" ".join)
async def test_an_older_client_does_all_that_it_can(agent_site: AgentSites, client: tuple[str, ...]) -> None:
    seen = await seen_by(agent_site, *client)
    assert (seen["card"]["name"], seen["card"]["version"]) == ("storyteller", "1.2.0")
    (reply,) = seen["send"] if client[0] == "0.3" else [seen["send"]["result"]]
    assert (reply["kind"], reply["role"], text_in(reply["parts"])) == ("message", "agent", "".join(STORY))

    stream = seen["stream"]
    assert [stream[0]["kind"], stream[0]["status"]["state"]] == ["task", "submitted"]
    assert stream[1]["status"]["state"] == "working"
    assert text_in(pieces(stream)) == "".join(STORY)
    file, data = pieces(stream, "hi.txt")[0]["file"], pieces(stream, "numbers")[0]["data"]
    assert (file["bytes"], file["mimeType"], file["name"], data) == ("aGk=", "text/plain", "hi.txt", {"n": 1})
    assert [stream[-1]["status"]["state"], stream[-1]["final"]] == ["completed", True]
    assert text_in(stream[-1]["status"]["message"]["parts"]) == "".join(STORY)

    assert [seen["asked"][-1]["status"]["state"], seen["asked"][-1]["final"]] == ["input-required", True]
    assert text_in(seen["asked"][-1]["status"]["message"]["parts"]) == "Who are you?"
    task = seen["asked"][0]["id"]
    assert {one.get("taskId", one.get("id")) for one in seen["answered"]} == {task}
    assert text_in(pieces(seen["answered"])) == "Hello Ada."
    assert (seen["got"]["id"], seen["got"]["status"]["state"]) == (task, "completed")
    assert [text_in(one["parts"]) for one in seen["got"]["history"]] == ["hi", "Who are you?", "Ada"]

    assert seen["after"][0]["kind"] == "task"
    assert text_in(seen["after"][0]["artifacts"][0]["parts"]) == "One."
    assert seen["stopped"]["status"]["state"] == "canceled"
    assert [seen[name][-1]["status"]["state"] for name in ("after", "waited")] == ["canceled", "canceled"]
    if client == ("0.2",):
        assert seen["nobody"]["error"]["code"] == -32001
    elif client[1] == "JSONRPC":
        assert "nobody's" in seen["nobody"]
    else:
        assert "404" in seen["nobody"]
