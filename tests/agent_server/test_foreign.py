"""What belongs to another is not there: every route that takes the id of a thread or a run answers a stranger as if it
had never been, and changes nothing. The routes are the application's own: none can be forgotten."""

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Route

from sluice.agent_server.app import build
from sluice.agents.asked import Asked
from sluice.runs.messages import said
from sluice.runs.records import Run
from tests.support.agent_site import AgentSite, AgentSites
from tests.support.agents import asks

Call = tuple[str, str]
OWNER, STRANGER = "owner", "stranger"
NOT_THEIRS = frozenset({"name", "assistant", "namespace", "type", "rest", "model", "agent"})
"""Parameters that name nothing of a principal's."""
BODIES: dict[Call, Any] = {
    ("POST", "/threads/{thread}/runs"): {"input": "x"},
    ("POST", "/threads/{thread}/runs/stream"): {"input": "x"},
    ("POST", "/threads/{thread}/runs/wait"): {"input": "x"},
    ("POST", "/threads/{thread}/state"): {"values": {"a": 1}},
    ("POST", "/threads/{thread}/state/checkpoint"): {"checkpoint": {"checkpoint_id": "c"}},
    ("PATCH", "/threads/{thread}"): {"metadata": {"a": 1}},
    ("POST", "/v1/conversations/{conversation}"): {"metadata": {"a": "1"}},
    ("POST", "/v1/conversations/{conversation}/items"): {"items": [{"role": "user", "content": "x"}]},
}
OTHERWISE: dict[Call, int] = {
    ("GET", "/api/chat/{id}/stream"): 204,  # the AI SDK's word for "nothing is under way", whoever asks
    **{
        (method, f"{prefix}/tasks/{{id}}/pushNotificationConfigs{one}"): 400  # not done here, for nobody
        for prefix in ("", "/v1")
        for method, one in (("GET", ""), ("POST", ""), ("GET", "/{push}"), ("DELETE", "/{push}"))
    },
}
_OUTPUT = [{"type": "function_call_output", "call_id": "QUESTION", "output": "yes"}]
_RESPONSE = {"model": "agent/asks", "input": "x"}
_MESSAGE = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "yes"}]}
IN_BODIES: dict[str, tuple[str, Any]] = {
    "a response to go on from": ("/v1/responses", {**_RESPONSE, "previous_response_id": "resp_RUN"}),
    "a response that asks": ("/v1/responses", {**_RESPONSE, "previous_response_id": "resp_RUN", "input": _OUTPUT}),
    "a conversation": ("/v1/responses", {**_RESPONSE, "conversation": "THREAD"}),
    "a question of a thread": ("/threads/THREAD/runs/wait", {"command": {"resume": "yes"}}),
    **{
        f"a task for {method}": ("/a2a", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        for method, params in {
            "tasks/get": {"id": "RUN"},
            "tasks/cancel": {"id": "RUN"},
            "tasks/resubscribe": {"id": "RUN"},
            "message/send": {"message": {**_MESSAGE, "taskId": "RUN"}},
            "message/stream": {"message": {**_MESSAGE, "taskId": "RUN"}},
        }.items()
    },
}


class ByHeader:
    """Everybody is who they say."""

    async def principal(self, request: HTTPConnection) -> str:
        return request.headers.get("x-test-user", STRANGER)

    async def scopes(self, request: HTTPConnection) -> tuple[str, ...]:
        return ("*",)


def calls(app: Starlette) -> Iterator[Call]:
    """Give each method and path that takes an id of a principal's."""
    for route in app.routes:
        if not isinstance(route, Route) or getattr(route.endpoint, "__name__", "") == "nowhere":
            continue
        if set(route.param_convertors) - NOT_THEIRS:
            yield from ((method, route.path) for method in sorted((route.methods or set()) - {"HEAD"}))


@pytest.fixture
async def site(agent_site: AgentSites) -> AgentSite:
    return await agent_site(asks(), principals=ByHeader())


async def begun(site: AgentSite, owner: str, thread: str) -> Run:
    """Run the agent on a thread until it asks."""
    asked = Asked(owner=owner, thread_id=thread, input=(said("a secret"),), request_id="req-1")
    return await site.service.wait(await site.service.start(asked))


def filled(path: str, run: Run) -> str:
    """Put the ids of a run into a path, each in the words of its protocol."""
    names = {"thread": run.thread_id, "run": run.id, "response": f"resp_{run.id}", "conversation": run.thread_id}
    names |= {"request": run.request_id, "checkpoint": "c", "item": "i", "push": "p"}
    names["id"] = run.id if "/tasks/" in path else run.thread_id
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return path


async def test_a_stranger_is_answered_as_if_it_had_never_been(site: AgentSite) -> None:
    theirs = await begun(site, OWNER, "their-thread")
    nobodys = Run(id="0" * len(theirs.id), thread_id="nobody-thread", owner="", agent="", created=0, request_id="req-9")
    asked = sorted(set(calls(build(site.server))))
    assert len(asked) > 40
    wrong: list[str] = []
    async with httpx.AsyncClient(base_url=site.url, timeout=5, headers={"x-test-user": STRANGER}) as http:
        for method, path in asked:
            told = []
            for run in (theirs, nobodys):
                version = {"a2a-version": "0.3" if path.startswith("/v1") else "1.0"}
                body = BODIES.get((method, path))
                answer = await http.request(method, filled(path, run), json=body, headers=version)
                text = answer.text.replace(run.id, "RUN").replace(run.thread_id, "THREAD")
                told.append((answer.status_code, text.replace(run.request_id, "REQUEST")))
            if told[0][0] != OTHERWISE.get((method, path), 404) or told[0] != told[1]:
                wrong.append(f"{method} {path}: {told[0]} and of nobody's {told[1]}")
    assert not wrong, "\n".join(wrong)
    assert await site.service.run(OWNER, theirs.id) == theirs
    assert [one.text for one in await site.service.messages(OWNER, "their-thread")] == ["a secret"]
    assert await site.service.store.search_threads(STRANGER) == []


@pytest.mark.parametrize("what", IN_BODIES)
async def test_nor_is_it_there_for_who_names_it_in_a_body(site: AgentSite, what: str) -> None:
    theirs = await begun(site, OWNER, "their-thread")
    nobodys = msgspec.structs.replace(theirs, id="0" * len(theirs.id), thread_id="nobody-thread")
    path, body = IN_BODIES[what]
    told = []
    async with httpx.AsyncClient(base_url=site.url, timeout=5, headers={"x-test-user": STRANGER}) as http:
        for run in (theirs, nobodys):
            question = theirs.interrupts[0].id.replace(theirs.id, run.id)
            names = {"QUESTION": question, "RUN": run.id, "THREAD": run.thread_id}
            text, place = msgspec.json.encode(body).decode(), path
            for name, value in names.items():
                text, place = text.replace(name, value), place.replace(name, value)
            answer = await http.post(place, content=text, headers={"content-type": "application/json"})
            said_back = answer.text
            for name, value in names.items():
                said_back = said_back.replace(value, name)
            told.append((answer.status_code, said_back))
    assert told[0] == told[1]
    assert told[0][0] == 404 or '"code":-32001' in told[0][1].replace(" ", ""), told
    assert await site.service.run(OWNER, theirs.id) == theirs


async def test_a_completion_that_answers_anothers_question_is_a_conversation_of_its_own(site: AgentSite) -> None:
    theirs = await begun(site, OWNER, "their-thread")
    called = {"role": "tool", "tool_call_id": theirs.interrupts[0].id, "content": "yes"}
    body = {"model": "agent/asks", "messages": [{"role": "user", "content": "x"}, called]}
    async with httpx.AsyncClient(base_url=site.url, timeout=5, headers={"x-test-user": STRANGER}) as http:
        answer = await http.post("/v1/chat/completions", json=body)
    assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"
    assert theirs.id not in answer.text
    assert await site.service.run(OWNER, theirs.id) == theirs


async def test_and_its_owner_finds_it_by_the_same_paths(site: AgentSite) -> None:
    theirs = await begun(site, OWNER, "their-thread")
    asked = [path for method, path in calls(build(site.server)) if method == "GET" and "{checkpoint}" not in path]
    found = [path for path in asked if not {"{item}", "{push}"} & set(path.split("/"))]
    async with httpx.AsyncClient(base_url=site.url, timeout=5, headers={"x-test-user": OWNER}) as http:
        statuses = {}
        for path in found:
            version = {"a2a-version": "0.3" if path.startswith("/v1") else "1.0"}
            async with http.stream("GET", filled(path, theirs), headers=version) as answer:
                statuses[path] = answer.status_code
    assert {
        path: status for path, status in statuses.items() if status >= 400 and OTHERWISE.get(("GET", path)) != status
    } == {}
