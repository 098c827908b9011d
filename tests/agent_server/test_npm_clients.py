"""The clients of npm against a real server: text, tools, reasoning, an error, a stop, a cut, a question."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from sluice.runs.records import LIVE
from tests.agent_server.nginx import nginx
from tests.agent_server.npm_agents import Gates, npm_site
from tests.agent_server.npm_clients import play
from tests.support.agent_site import AgentSites
from tests.support.waiting import until

TEXT = "Once upon a time"


def kinds(parts: list[dict[str, Any]]) -> list[str]:
    return [part["type"] for part in parts]


@pytest.mark.parametrize("behind_nginx", [False, True])
async def test_ai_sdk_5_reads_all_that_an_agent_says_and_can_resume_and_stop(
    agent_site: AgentSites, tmp_path: Path, behind_nginx: bool
) -> None:
    gates = Gates()
    site = await npm_site(agent_site, gates)
    async with nginx(site.port, tmp_path) if behind_nginx else nullcontext(site.url) as url:
        saw = await play("ai_v5.mjs", url, gates.open)

    assert saw["text"]["texts"] == ["a story", TEXT]
    assert saw["text"]["status"] == "ready"
    assert saw["text"]["metadata"]["outcome"] == "success"
    assert saw["text"]["metadata"]["runId"] == saw["text"]["id"]

    rich = saw["rich"]
    assert rich["status"] == "ready", rich["error"]
    assert rich["texts"][1] == "Found it"
    assert {"reasoning", "source-url", "data-weather", "file", "data-attachment", "data-state"} <= set(
        kinds(rich["parts"])
    )
    assert "data-gone" not in kinds(rich["parts"])

    tools = saw["tools"]
    assert tools["texts"][1] == "Let me see.It is 5."
    call = next(part for part in tools["parts"] if part["type"] == "tool-add")
    assert (call["state"], call["input"], call["output"]) == ("output-available", {"a": 2, "b": 3}, 5)
    assert kinds(tools["parts"]).count("step-start") == 2
    assert tools["metadata"]["usage"]["totalTokens"] > 0

    assert saw["fails"]["status"] == "error"
    assert saw["fails"]["texts"][1] == "So far"
    assert "nobody else's business" not in str(saw["fails"])
    assert saw["refused"]["error"] == "there is no agent 'nobody'"

    assert saw["regenerates"]["texts"] == ["one", "1: one", "two", "3: one | 1: one | two"]

    assert saw["resumes"]["texts"] == ["v5-resumes", TEXT]
    assert saw["resumes"]["idle"] == 1
    assert saw["stops"]["texts"][1] == "Once upon"
    assert (saw["stops"]["stopped"], saw["stops"]["idle"], saw["stops"]["status"]) == (1, 204, "ready")

    assert saw["asks"]["asked"]["data"]["question"] == "Which colour?"
    assert saw["asks"]["texts"] == ["order", "I need to know. ", "blue", "So blue."]
    assert [str(fault) for fault in site.faults] == ["nobody else's business"]


def check_approvals(saw: dict[str, Any]) -> None:
    """Check what the scenarios of approvals.mjs saw."""
    approves = saw["approves"]
    call = next(part for part in approves["parts"] if part["type"] == "tool-buy")
    assert approves["before"]["state"] == "approval-requested"
    assert (call["state"], call["output"]) == ("output-available", "bought pen")
    assert approves["roles"] == ["user", "assistant"]
    assert approves["id"] == approves["before"]["id"]
    assert approves["texts"][1] == "You have a pen."

    denies = saw["denies"]
    assert next(part for part in denies["parts"] if part["type"] == "tool-buy")["state"] == "output-denied"
    assert denies["roles"] == ["user", "assistant"]

    slow = saw["resumesAfterApproval"]
    assert slow["roles"] == ["user", "assistant"], slow
    assert kinds(slow["parts"]).count("tool-buy") == 1
    assert kinds(slow["parts"]) == kinds(slow["first"]["parts"])
    assert slow["texts"][1] == "You have a pen."


async def test_ai_sdk_7_approves_and_denies_and_speaks_over_a_websocket(agent_site: AgentSites) -> None:
    gates = Gates()
    site = await npm_site(agent_site, gates)
    saw = await play("ai_v7.mjs", site.url, gates.open)

    check_approvals(saw)
    assert saw["socketText"]["first"]["texts"] == ["a story", TEXT]
    assert saw["socketText"]["texts"] == ["a story", TEXT, "another", TEXT]
    assert saw["socketResumes"]["cut"] == "error"
    assert saw["socketResumes"]["texts"] == ["ws-resumes", TEXT]
    assert saw["socketResumes"]["idle"] == 1
    assert (saw["socketStops"]["texts"][1], saw["socketStops"]["idle"]) == ("Once upon", 204)
    assert (saw["socketFails"]["status"], saw["socketFails"]["texts"][1]) == ("error", "So far")


async def test_ai_sdk_6_reads_resumes_stops_approves_and_denies(agent_site: AgentSites) -> None:
    gates = Gates()
    site = await npm_site(agent_site, gates)
    saw = await play("ai_v6.mjs", site.url, gates.open)
    assert (saw["rich"]["status"], saw["rich"]["texts"][1]) == ("ready", "Found it"), saw["rich"]["error"]
    assert saw["resumes"]["texts"] == ["v6-resumes", TEXT]
    assert (saw["stops"]["texts"][1], saw["stops"]["stopped"], saw["stops"]["status"]) == ("Once upon", 1, "ready")
    check_approvals(saw)


async def test_ag_ui_client_accepts_every_run_and_its_abort_ends_one(agent_site: AgentSites) -> None:
    gates = Gates()
    site = await npm_site(agent_site, gates)
    aborted = asyncio.Event()

    def opened(gate: str) -> None:
        aborted.set() if gate == "aborted" else gates.open(gate)

    saw = await play("ag_ui.mjs", site.url, opened)
    for name, one in saw.items():
        assert "thrown" not in str(one), (name, one)

    assert saw["text"]["newMessages"][0]["content"] == TEXT
    assert saw["text"]["types"][0] == "RUN_STARTED"
    assert saw["text"]["types"][-1] == "RUN_FINISHED"
    assert saw["rich"]["state"] == {"step": 1}
    assert {"REASONING_START", "STEP_STARTED", "ACTIVITY_SNAPSHOT", "CUSTOM", "STATE_SNAPSHOT"} <= set(
        saw["rich"]["types"]
    )
    calls = [call for message in saw["tools"]["newMessages"] for call in message.get("toolCalls", [])]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [("call-1", '{"a":2,"b":3}')]
    assert [message["content"] for message in saw["tools"]["newMessages"] if message["role"] == "tool"] == ["5"]
    assert saw["fails"]["failure"]["code"] == "error"
    assert saw["remembers"]["messages"] == ["one", "1: one", "two", "3: one | 1: one | two"]

    assert saw["aborts"]["text"] == "Once upon"
    assert aborted.is_set()
    run = await site.service.store.find_run("local", "ag-aborts-run")
    assert run is not None
    assert run.on_disconnect == "cancel"
    if run.status in LIVE:  # five seconds without a viewer are the protocol's stop: no need to wait for all of them
        await until(lambda: not site.service.running[run.id].viewers)

    assert [one["reason"] for one in saw["approves"]["asked"]["pending"]] == ["approval"]
    assert saw["approves"]["done"]["newMessages"][-1]["content"] == "You have a pen."
    assert [call["function"]["arguments"] for call in saw["approves"]["calls"]] == ['{"item":"pen"}']
    assert saw["replays"]["types"].count("RUN_STARTED") == 2
    assert saw["replays"]["types"].count("RUN_FINISHED") == 2
