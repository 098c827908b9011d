"""AG-UI's addresses: every frame is one of its models, its runs end when nobody watches, and threads are told again."""

from typing import Any

import httpx
import msgspec
import pytest
from ag_ui.core import Event, RunAgentInput
from pydantic import TypeAdapter

from tests.agent_server.npm_agents import STORY, Gates, npm_site
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.waiting import until

MODELS: TypeAdapter[Any] = TypeAdapter(Event)


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
async def site(agent_site: AgentSites, gates: Gates) -> AgentSite:
    return await npm_site(agent_site, gates)


def asked(*messages: dict[str, Any], run: str = "r1", thread: str = "t1", **more: Any) -> dict[str, Any]:
    body = {
        "threadId": thread,
        "runId": run,
        "messages": list(messages),
        "tools": [],
        "context": [],
        "state": {},
        "forwardedProps": {},
        **more,
    }
    RunAgentInput.model_validate(body)
    return body


def user(text: str, id: str = "u1") -> dict[str, Any]:  # noqa: A002 - the field's name
    return {"id": id, "role": "user", "content": text}


def frames(body: str) -> list[dict[str, Any]]:
    """The events of an answer, each checked against the protocol's model."""
    assert "\r" not in body
    assert "[DONE]" not in body
    data = [line.removeprefix("data: ") for line in body.split("\n") if line.startswith("data: ")]
    for one in data:
        assert not MODELS.validate_json(one).model_extra
    return [msgspec.json.decode(one) for one in data]


async def test_every_frame_of_every_agent_is_one_of_the_protocol_s(site: AgentSite) -> None:
    for agent in ("teller", "rich", "worker", "failing", "asking", "buyer"):
        async with httpx.AsyncClient(base_url=site.url) as http:
            answer = await http.post(f"/agents/{agent}/ag-ui", json=asked(user("go"), run=f"r-{agent}", thread=agent))
        said = frames(answer.text)
        assert (said[0]["type"], said[0]["runId"], said[0]["threadId"]) == ("RUN_STARTED", f"r-{agent}", agent)
        assert said[-1]["type"] in ("RUN_FINISHED", "RUN_ERROR")


async def test_what_the_client_gives_is_the_agent_s_context(site: AgentSite) -> None:
    tools = [{"name": "paint", "description": "Paint.", "parameters": {"type": "object"}}]
    body = asked(user("go"), state={"n": 1}, tools=tools, context=[{"description": "page", "value": "/a"}])
    async with httpx.AsyncClient(base_url=site.url) as http:
        answer = await http.post("/ag-ui", json=body)
    run = await site.service.run("local", answer.headers["x-run-id"])
    assert run.context == {"state": {"n": 1}, "tools": tools, "context": [{"description": "page", "value": "/a"}]}


WRONG: list[Any] = [
    ({"threadId": "t1", "runId": "r1", "messages": []}, 400, "messages"),
    ({"threadId": "", "runId": "r1", "messages": []}, 400, "threadId"),
    ({"runId": "r1", "messages": []}, 400, None),
    (
        asked(user("x")) | {"messages": [{**user("x"), "content": [{"type": "hologram"}]}]},
        400,
        "messages[0].content[0]",
    ),
]


async def test_what_is_wrong_is_said_as_an_error_of_the_protocol(site: AgentSite) -> None:
    for body, status, param in WRONG:
        async with httpx.AsyncClient(base_url=site.url) as http:
            answer = await http.post("/ag-ui", json=body)
            unknown = await http.get("/ag-ui/nobody-s")
        assert answer.status_code == status
        error = MODELS.validate_json(answer.text)
        assert error.code == "invalid_request_body"
        assert (error.metadata or {}).get("param") == param
        assert unknown.status_code == 404


async def test_the_same_run_id_is_the_same_run_and_another_body_a_conflict(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=site.url) as http:
        first, second = [await http.post("/ag-ui", json=asked(user("go"))) for _ in range(2)]
        other = await http.post("/ag-ui", json=asked(user("stop")))
    assert first.headers["x-run-id"] == second.headers["x-run-id"]
    assert other.status_code == 409


async def test_a_run_of_ag_ui_alone_ends_unwatched_and_one_on_another_s_thread_goes_on(site: AgentSite) -> None:
    async with httpx.AsyncClient(base_url=f"{site.url}/agents/gated") as http:
        runs: list[str] = []
        body = {"id": "kept", "messages": [{"id": "u", "role": "user", "parts": [{"type": "text", "text": "x"}]}]}
        async with http.stream("POST", "/api/chat", json=body) as chat:
            runs.append(chat.headers["x-run-id"])
        for thread in ("own", "kept"):
            async with http.stream("POST", "/ag-ui", json=asked(user("x"), run=thread, thread=thread)) as answer:
                runs.append(answer.headers["x-run-id"])
        of = {run.thread_id: run.on_disconnect for name in runs[1:] if (run := await site.service.run("local", name))}
    assert of == {"own": "cancel", "kept": "continue"}


async def test_a_thread_is_told_again_run_by_run_and_then_as_it_goes_on(site: AgentSite, gates: Gates) -> None:
    async with httpx.AsyncClient(base_url=f"{site.url}/agents/gated", timeout=5) as http:
        gates.open("first")
        await http.post("/ag-ui", json=asked(user("first")))
        async with http.stream("POST", "/ag-ui", json=asked(user("first"), user("second", "u2"), run="r2")) as answer:
            run = site.service.running[answer.headers["x-run-id"]]
            await until(lambda: run.writer.words >= 2)
            async with http.stream("GET", "/ag-ui/t1") as again:
                gates.open("second")
                said = frames((await again.aread()).decode())
    assert [one["runId"] for one in said if one["type"] == "RUN_STARTED"] == ["r1", "r2"]
    told = "".join(one["delta"] for one in said if one["type"] == "TEXT_MESSAGE_CONTENT")
    assert told == 2 * "".join(STORY)


async def test_parts_of_messages_are_read_in_the_shapes_of_1_0_and_before(site: AgentSite) -> None:
    content = [
        {"type": "text", "text": "look"},
        {"type": "image", "source": {"type": "data", "value": "AAAA", "mimeType": "image/png"}},
        {"type": "document", "source": {"type": "url", "value": "https://x.test/a.pdf"}},
        {"type": "binary", "mimeType": "audio/wav", "data": "BBBB", "filename": "a.wav"},
    ]
    body = asked(user("x")) | {"messages": [{**user("x"), "content": content}]}
    async with httpx.AsyncClient(base_url=site.url) as http:
        answer = await http.post("/ag-ui", json=body)
    (message,) = (await site.service.run("local", answer.headers["x-run-id"])).input
    assert [msgspec.to_builtins(part).get("url") for part in message.parts[1:]] == [
        *("data:image/png;base64,AAAA", "https://x.test/a.pdf", "data:audio/wav;base64,BBBB"),
    ]
