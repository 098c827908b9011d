"""A2A over JSON-RPC, as it is on the wire: seed 003's client, versions, errors, and who may ask what."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection

from sluice.errors import Unauthenticated
from sluice.runs.records import Run
from tests.support.a2a_agents import STORY, asker, breaker, storyteller, waiter
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

SEED = {
    "kind": "message",
    "messageId": "msg-0b4ae8ae-8a0c-4bd6-8f3a-3f5ee6f3f1d1",
    "role": "user",
    "parts": [{"kind": "text", "text": "Tell me a story about AI"}],
}
"""The message of seed 003's test client (agents.md A.2)."""


def rpc(method: str, params: object, call: object = "1") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call, "method": method, "params": params}


def text(words: str, **fields: object) -> dict[str, Any]:
    message = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": words}]}
    return {"message": message | fields}


async def post(site: AgentSite, body: object, path: str = "/", *, status: int = 200, **headers: str) -> dict[str, Any]:
    """Send JSON and return what comes back as JSON; of a stream all frames as `frames`."""
    async with httpx.AsyncClient(timeout=5) as http:
        answer = await http.post(
            site.url + path, json=body, headers={key.replace("_", "-"): value for key, value in headers.items()}
        )
    assert answer.status_code == status, answer.text
    if answer.headers["content-type"] == "text/event-stream":
        lines = answer.text.split("\n")
        return {"frames": [json.loads(line[6:]) for line in lines if line.startswith("data: ")]}
    told: dict[str, Any] = answer.json()
    return told


async def curl(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--max-time", "10", *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_the_body_of_the_seeds_client_gets_the_story_as_a_message(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    body = json.dumps(rpc("message/send", {"message": SEED}))
    told = json.loads(await curl("-X", "POST", f"{site.url}/", "-H", "Content-Type: application/json", "-d", body))
    message = told["result"]
    assert (told["jsonrpc"], told["id"]) == ("2.0", "1")
    assert message.keys() == {"kind", "messageId", "contextId", "role", "parts"}
    assert (message["kind"], message["role"]) == ("message", "agent")
    assert message["parts"] == [{"kind": "text", "text": "".join(STORY)}]


async def test_a_stream_has_named_frames_as_the_seeds_server_has_them_and_they_come_as_they_are_said(
    agent_site: AgentSites,
) -> None:
    agent, go_on = waiter()
    site = await agent_site(agent)
    async with (
        httpx.AsyncClient(timeout=5) as http,
        http.stream("POST", f"{site.url}/", json=rpc("message/stream", {"message": SEED}, 7)) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-cache"
        seen = ""
        async for chunk in answer.aiter_text():
            seen += chunk
            if "One." in seen and not go_on.is_set():
                assert "Two." not in seen
                go_on.set()
    names = [line[7:] for line in seen.split("\n") if line.startswith("event: ")]
    assert names == ["task", "status-update", "artifact-update", "artifact-update", "artifact-update", "status-update"]
    frames = [json.loads(line[6:]) for line in seen.split("\n") if line.startswith("data: ")]
    assert {(frame["jsonrpc"], frame["id"]) for frame in frames} == {("2.0", 7)}
    assert frames[-1]["result"]["status"]["message"]["parts"][0]["text"] == "One. Two."


@pytest.mark.parametrize("path", ["/", "/a2a", "/a2a/asker", "/agents/asker/a2a", "/agents/asker/"])
async def test_each_address_leads_to_its_agent(agent_site: AgentSites, path: str) -> None:
    site = await agent_site(storyteller(), asker())
    told = await post(site, rpc("message/send", text("hi")), path)
    asks = told["result"]["kind"] == "task" and told["result"]["status"]["state"] == "input-required"
    assert asks == ("asker" in path)


async def test_a_message_wants_a_task_at_once_if_it_does_not_block(agent_site: AgentSites) -> None:
    agent, _ = waiter()
    site = await agent_site(agent)
    told = await post(site, rpc("message/send", text("hi") | {"configuration": {"blocking": False}}))
    assert told["result"]["kind"] == "task"
    assert told["result"]["status"]["state"] in ("submitted", "working")
    assert [running.run.id for running in site.service.running.values()] == [told["result"]["id"]]


async def test_a_run_that_breaks_half_way_is_told_with_the_notice_and_one_that_says_nothing_is_an_error(
    agent_site: AgentSites,
) -> None:
    site = await agent_site(breaker())
    half = await post(site, rpc("message/send", text("half")))
    assert [part["text"] for part in half["result"]["parts"]] == ["Half", "\n[Error: Stream interrupted]"]
    told = await post(site, rpc("message/send", text("now")))
    assert told["error"]["code"] == -32603
    assert "secret" not in str(told)
    assert told["error"]["data"][0]["metadata"]["taskId"]


async def test_the_same_key_is_the_same_task_and_another_body_under_it_is_refused(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    first = await post(site, rpc("message/stream", text("hi"), 1), idempotency_key="k-1")
    again = await post(site, rpc("message/stream", text("hi"), 2), idempotency_key="k-1")
    assert [one["result"] for one in again["frames"]] == [one["result"] for one in first["frames"]]
    other = await post(site, rpc("message/stream", text("ho"), 3), idempotency_key="k-1")
    assert other["error"]["code"] == -32602
    long = await post(site, rpc("message/stream", text("hi")), idempotency_key="k" * 300)
    assert long["error"]["code"] == -32602


async def test_who_comes_back_with_the_last_id_gets_only_what_came_after_it(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller())
    whole = (await post(site, rpc("message/stream", text("hi"))))["frames"]
    task = whole[0]["result"]["id"]
    rest = [
        one["result"] for one in (await post(site, rpc("tasks/resubscribe", {"id": task}), last_event_id="1"))["frames"]
    ]
    assert {one["kind"] for one in rest[:-1]} == {"artifact-update"}
    assert "".join(part["text"] for one in rest[:-1] for part in one["artifact"]["parts"]) == "".join(STORY)
    assert rest[-1] == whole[-1]["result"]
    wrong = await post(site, rpc("tasks/resubscribe", {"id": task}), last_event_id="x")
    assert wrong["error"]["code"] == -32602


async def test_a_task_whose_events_are_not_kept_any_more_is_told_from_its_record(agent_site: AgentSites) -> None:
    site = await agent_site(storyteller(), asker())
    done = (await post(site, rpc("message/stream", text("with a file"))))["frames"][0]["result"]["id"]
    open_ = (await post(site, rpc("message/send", text("hi")), "/a2a/asker"))["result"]["id"]
    await until(lambda: not site.service.running)
    await site.service.store.sweep(site.service.now(), site.service.now() + 1000)
    for task, state, words in ((done, "completed", "".join(STORY)), (open_, "input-required", "Hello. ")):
        got = (await post(site, rpc("tasks/get", {"id": task})))["result"]
        (back,) = (await post(site, rpc("tasks/resubscribe", {"id": task})))["frames"]
        assert back["result"] == got
        assert (got["id"], got["status"]["state"]) == (task, state)
        assert got["artifacts"][0]["parts"][0]["text"] == words
    answered = await post(site, rpc("message/send", text("Ada", taskId=open_)))
    assert answered["result"]["parts"][0]["text"] == "Hello Ada."


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], -32600),
        (rpc("message/send", text("x")) | {"jsonrpc": "1.0"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "tasks/get"}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "tasks/get"}, -32600),
        (rpc("no/such", {}), -32601),
        (rpc("message/send", []), -32602),
        (rpc("message/send", {}), -32602),
        (rpc("message/send", {"message": "hi"}), -32602),
        (rpc("message/send", text("x", parts=[])), -32602),
        (rpc("message/send", text("x", parts=[{"kind": "text", "text": 1}])), -32602),
        (rpc("message/send", text("x", role="agent")), -32602),
        (rpc("message/send", text("x") | {"configuration": {"blocking": "no"}}), -32602),
        (rpc("message/send", text("x", messageId="m" * 300)), -32602),
        (rpc("tasks/get", {}), -32602),
        (rpc("tasks/get", {"id": "nobody's"}), -32001),
        (rpc("tasks/get", {"id": "nobody's", "historyLength": -1}), -32602),
        (rpc("tasks/cancel", {"id": "nobody's"}), -32001),
        (rpc("tasks/resubscribe", {"id": "nobody's"}), -32001),
        (rpc("tasks/pushNotificationConfig/set", {}), -32003),
        (rpc("tasks/pushNotification/config/get", {}), -32003),
        (rpc("message/send", text("x") | {"configuration": {"pushNotificationConfig": {"url": "u"}}}), -32003),
        (rpc("agent/getAuthenticatedExtendedCard", {}), -32007),
        (rpc("SendMessage", text("x")), -32009),
    ],
)
async def test_what_is_wrong_has_its_code_and_http_is_200(agent_site: AgentSites, body: Any, code: int) -> None:
    site = await agent_site(storyteller())
    told = await post(site, body, "/a2a")
    assert told["error"]["code"] == code
    assert told["error"]["message"]
    proper = isinstance(body, dict) and isinstance(body["id"], str | int) and body["id"] is not True
    assert told["id"] == (body["id"] if proper else None)
    assert not site.faults


@pytest.mark.parametrize(
    ("method", "version", "fits"),
    [
        ("SendMessage", "1.0", True),
        ("SendMessage", "1", True),
        ("SendMessage", "1.1", True),
        ("SendMessage", "", False),
        ("SendMessage", "0.3", False),
        ("SendMessage", "2.0", False),
        ("message/send", "", True),
        ("message/send", "0.3.0", True),
        ("message/send", "0.2", True),
        ("message/send", "1.0", False),
        ("message/send", "x", False),
    ],
)
async def test_a_method_belongs_to_its_version(agent_site: AgentSites, method: str, version: str, fits: bool) -> None:
    site = await agent_site(storyteller())
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
    told = await post(site, rpc(method, {"message": message}), a2a_version=version)
    assert ("result" in told) == fits
    assert fits or told["error"]["code"] == -32009


async def test_what_is_no_json_is_a_parse_error_and_what_is_not_said_to_be_json_is_refused(
    agent_site: AgentSites,
) -> None:
    site = await agent_site(storyteller())
    async with httpx.AsyncClient(timeout=5) as http:
        json_type = {"content-type": "application/json"}
        for broken in (b"{", b"\xff", b"", b"[" * 100_000):
            answer = await http.post(f"{site.url}/", content=broken, headers=json_type)
            assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32700)
        plain = await http.post(f"{site.url}/", content=b"{}", headers={"content-type": "text/plain"})
        assert (plain.status_code, plain.json()["error"]["code"]) == (415, -32005)
        for empty in ({}, [], {"model": "m"}):
            other = await http.post(f"{site.url}/", json=empty)
            assert (other.status_code, other.headers["content-type"]) == (404, "application/problem+json")
        unknown = await http.post(f"{site.url}/agents/nobody/a2a", json=rpc("tasks/get", {"id": "x"}))
        assert unknown.status_code == 404
        assert (await http.get(f"{site.url}/a2a")).status_code == 405


class Keys:
    """Whoever sends `x-user` is that user."""

    async def principal(self, request: HTTPConnection) -> str:
        user = request.headers.get("x-user")
        if user is None:
            raise Unauthenticated("no key", reason="ApiKey", headers=((b"www-authenticate", b"Bearer"),))
        return user


async def test_who_is_not_known_gets_401_and_what_is_anothers_is_not_there(agent_site: AgentSites) -> None:
    site = await agent_site(asker(), principals=Keys())
    async with httpx.AsyncClient(timeout=5) as http:
        nobody = await http.post(f"{site.url}/", json=rpc("message/send", text("hi")))
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
        assert nobody.json()["error"]["code"] == -32600
        card = await http.get(f"{site.url}/.well-known/agent.json")
        assert card.status_code == 200
        assert card.json()["security"]
    task = (await post(site, rpc("message/send", text("hi")), x_user="ada"))["result"]["id"]
    assert (await post(site, rpc("tasks/get", {"id": task}), x_user="ada"))["result"]["id"] == task
    for method, params in [
        ("tasks/get", {"id": task}),
        ("tasks/cancel", {"id": task}),
        ("tasks/resubscribe", {"id": task}),
        ("message/send", text("Ada", taskId=task)),
    ]:
        told = await post(site, rpc(method, params), x_user="bob")
        assert told["error"]["code"] == -32001


async def test_what_http_refuses_names_the_request_once_it_is_read(agent_site: AgentSites) -> None:
    site = await agent_site(asker())
    site.service.draining = True
    told = await post(site, rpc("message/send", text("hi"), "q-7"), status=503)
    assert (told["id"], told["error"]["code"]) == ("q-7", -32603)


async def test_a_task_that_works_takes_no_message_and_one_of_another_agent_is_not_there(
    agent_site: AgentSites,
) -> None:
    agent, _ = waiter()
    site = await agent_site(agent, storyteller())
    task = (await post(site, rpc("message/send", text("hi") | {"configuration": {"blocking": False}})))["result"]["id"]
    await until(lambda: bool(site.service.running))
    told = await post(site, rpc("message/send", text("more", taskId=task)))
    assert told["error"]["code"] == -32004
    elsewhere = await post(site, rpc("tasks/get", {"id": task}), "/agents/storyteller/a2a")
    assert elsewhere["error"]["code"] == -32001


async def test_answers_may_be_data_and_name_the_question(agent_site: AgentSites) -> None:
    site = await agent_site(asker())
    asked = (await post(site, rpc("message/send", text("hi"))))["result"]
    question = asked["metadata"]["interrupts"][0]["id"]
    wrong = text("x", taskId=asked["id"], metadata={"interruptId": "another"})
    assert (await post(site, rpc("message/send", wrong)))["error"]["code"] == -32602
    data = [{"kind": "data", "data": {"first": "Ada"}}]
    right = text("x", taskId=asked["id"], parts=data, metadata={"interruptId": question})
    told = await post(site, rpc("message/send", right))
    assert told["result"]["parts"][-1]["text"] == "Hello {'first': 'Ada'}."
    again = (await post(site, rpc("message/send", text("hi"))))["result"]["id"]
    mixed = text("x", taskId=again, parts=[*data, {"kind": "text", "text": "!"}])
    told = await post(site, rpc("message/send", mixed))
    assert told["result"]["parts"][-1]["text"] == (
        "Hello [{'type': 'data', 'data': {'first': 'Ada'}}, {'type': 'text', 'text': '!'}]."
    )


async def test_a_task_that_was_over_before_it_could_be_stopped_is_not_canceled(agent_site: AgentSites) -> None:
    agent, go_on = waiter()
    site = await agent_site(agent)
    task = (await post(site, rpc("message/send", text("hi") | {"configuration": {"blocking": False}})))["result"]["id"]
    cancel = site.service.cancel

    async def late(owner: str, run_id: str, reason: str = "") -> Run:
        go_on.set()
        await site.service.wait(await site.service.run(owner, run_id))
        return await cancel(owner, run_id, reason)

    site.service.cancel = late  # type: ignore[method-assign]
    assert (await post(site, rpc("tasks/cancel", {"id": task})))["error"]["code"] == -32002
